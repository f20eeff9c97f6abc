"""Versions by the ids of their models, which no rename changes and no other model gets."""

from pedigree.catalog.lookups import find_model
from pedigree.catalog.names import name_key
from pedigree.catalog.store import SQL, version_not_found
from pedigree.postgres.transaction import Transaction


def place_of_version(transaction: Transaction, name: str, version: int) -> int:
    """Return the id of the model of a living version.

    Raises:
        ModelNotFoundError: No model has that name.
        VersionNotFoundError: It has no such version.
    """
    values = {"name_key": name_key(name), "version": version}
    row = transaction.execute(SQL["place_of_version"], values).fetchone()
    if row is None or row["name"] != name:
        find_model(transaction, name)  # a missing model is the better message
        raise version_not_found(name, version)
    return int(row["model_id"])


def name_of_model(transaction: Transaction, model_id: int) -> str | None:
    """Return the present name of a model; None if it does not exist or was deleted."""
    row = transaction.execute(SQL["name_of_model"], {"model_id": model_id}).fetchone()
    return None if row is None else str(row["name"])
