"""Versions whose checks the registry must run; queued with their registration, so none is lost."""

from datetime import timedelta

from pedigree.catalog.names import name_key
from pedigree.catalog.references import Reference
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction

# A worker that takes a version has this long to check it before another worker takes it.
_LEASE = timedelta(minutes=5)


def await_judgement(transaction: Transaction, name: str, version: int) -> None:
    """Queue a version for its checks, which the caller runs right after the registration."""
    values = {"name_key": name_key(name), "version": version, "lease": _LEASE}
    transaction.execute(SQL["await_judgement"], values)


def take_unjudged(transaction: Transaction) -> Reference | None:
    """Take a living version that no worker is checking; it is the caller's for a limited time."""
    row = transaction.execute(SQL["take_unjudged"], {"lease": _LEASE}).fetchone()
    return Reference(name=row["name"], version=row["version"]) if row else None


def end_unjudged(transaction: Transaction, name: str, version: int) -> None:
    """Remove a version from the queue after its checks."""
    transaction.execute(SQL["end_unjudged"], {"name_key": name_key(name), "version": version})
