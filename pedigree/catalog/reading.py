"""Look things up in the catalog; each of these is one statement."""

from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.records import ModelVersion, RegisteredModel, Training
from pedigree.catalog.references import LATEST, Reference
from pedigree.catalog.store import (
    SQL,
    model_not_found,
    model_of,
    read_version,
    training_of,
    version_of,
)
from pedigree.postgres.transaction import Transaction


def find_version(transaction: Transaction, reference: Reference) -> ModelVersion:
    """Return the version that a reference names.

    Raises:
        NotFoundError: It names none.
        AmbiguousStageError: It names several.
    """
    key = {"name_key": name_key(reference.name)}
    if reference.version is not None:
        found = transaction.execute(SQL["version_by_number"], {**key, "version": reference.version})
    elif reference.pointer == LATEST:
        found = transaction.execute(SQL["latest_version"], key)
    else:
        found = transaction.execute(
            SQL["versions_by_pointer"], {**key, "pointer": reference.pointer}
        )
    rows = [row for row in found.fetchall() if row["model_name"] == reference.name]
    if not rows:
        find_model(transaction, reference.name)  # a missing model is the better message
    return read_version(rows, reference)


def find_model(transaction: Transaction, name: str) -> RegisteredModel:
    """Return a registered model.

    Raises:
        ModelNotFoundError: There is none of that name.
    """
    rows = transaction.execute(
        SQL["models"], {"name_key": name_key(validate_name(name))}
    ).fetchall()
    if not rows or rows[0]["name"] != name:
        raise model_not_found(name)
    return model_of(rows[0])


def list_models(transaction: Transaction) -> tuple[RegisteredModel, ...]:
    """Return all registered models by name."""
    return tuple(map(model_of, transaction.execute(SQL["models"], {"name_key": None}).fetchall()))


def list_versions(transaction: Transaction, name: str) -> tuple[ModelVersion, ...]:
    """Return a model's versions, the oldest first.

    Raises:
        ModelNotFoundError: There is no model of that name.
    """
    model = find_model(transaction, name)
    rows = transaction.execute(SQL["versions_of_model"], {"name_key": name_key(model.name)})
    return tuple(map(version_of, rows.fetchall()))


def list_trainings(transaction: Transaction, version: ModelVersion) -> tuple[Training, ...]:
    """Return the runs that produced a version's bytes, the first one first."""
    rows = transaction.execute(
        SQL["trainings"],
        {"name_key": name_key(version.model_name), "version": version.version_id},
    )
    return tuple(map(training_of, rows.fetchall()))


def environment_packages(transaction: Transaction, environment_hash: str) -> tuple[str, ...]:
    """Return the packages behind an environment's hash; none where they were not recorded."""
    row = transaction.execute(SQL["environment"], {"hash": environment_hash}).fetchone()
    return tuple(row["packages"]) if row else ()
