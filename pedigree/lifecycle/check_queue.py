"""Versions whose checks the registry must run; queued with their registration, so none is lost."""

from datetime import timedelta

from pedigree.catalog.names import name_key
from pedigree.catalog.references import Reference
from pedigree.lifecycle.store import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

LEASE = timedelta(minutes=5)
"""How long a worker that takes a version has to check it before another worker takes it."""


def take_unjudged(database: Database) -> Reference | None:
    """Take a living version that no worker is checking; it is the caller's for a limited time.

    Without such a version it is one statement.
    """
    if database.fetch_all(SQL["anything_unjudged"]) == [{"waiting": False}]:
        return None
    row = database.transaction(
        lambda transaction: transaction.execute(SQL["take_unjudged"], {"lease": LEASE}).fetchone()
    )
    return Reference(name=row["name"], version=row["version"]) if row else None


def end_unjudged(transaction: Transaction, name: str, version: int) -> None:
    """Remove a version from the queue after its checks."""
    transaction.execute(SQL["end_unjudged"], {"name_key": name_key(name), "version": version})
