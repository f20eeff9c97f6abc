"""Versions that the registry is to judge: noted with their registration, so none is forgotten."""

from datetime import timedelta

from pedigree.catalog.names import name_key
from pedigree.catalog.references import Reference
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction

# Whoever takes a version has so long to judge it before somebody else does.
_LEASE = timedelta(minutes=5)


def await_judgement(transaction: Transaction, name: str, version: int) -> None:
    """Note that a version is to be judged, which its caller will do as soon as it is there."""
    values = {"name_key": name_key(name), "version": version, "lease": _LEASE}
    transaction.execute(SQL["await_judgement"], values)


def take_unjudged(transaction: Transaction) -> Reference | None:
    """Return a living version that nobody is judging, which is the caller's for a while."""
    row = transaction.execute(SQL["take_unjudged"], {"lease": _LEASE}).fetchone()
    return Reference(name=row["name"], version=row["version"]) if row else None


def end_unjudged(transaction: Transaction, name: str, version: int) -> None:
    """Note that a version was judged."""
    transaction.execute(SQL["end_unjudged"], {"name_key": name_key(name), "version": version})
