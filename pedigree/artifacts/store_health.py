"""A check that the store is the one with the registry's bytes."""

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.store import SQL
from pedigree.postgres.database import Database


def missing(database: Database, store: ObjectStore) -> str | None:
    """Return the problem of the store; None if it answers and has the registry's objects.

    An unmounted folder also answers, but is empty. So this looks for a few known objects.
    ``pedigree fsck`` finds single lost objects.

    Raises:
        UnavailableError: The database or the store does not answer.
    """
    keys = [row["key"] for row in database.fetch_all(SQL["some_keys"])]
    sizes = (store.size(key) for key in keys or ["readyz"])
    if any(size is not None for size in sizes) or not keys:
        return None
    return "it has none of the registry's objects"
