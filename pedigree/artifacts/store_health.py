"""Whether the store that answers is the one that has the registry's bytes."""

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.store import SQL
from pedigree.postgres.database import Database


def missing(database: Database, store: ObjectStore) -> str | None:
    """Say what is wrong with the store; None where it answers, and has what was put there.

    A folder that is not mounted answers too, and has nothing: so a few objects are looked for that
    the registry knows. One that is lost among them is for ``pedigree fsck`` to tell.

    Raises:
        UnavailableError: The database or the store does not answer.
    """
    keys = [row["key"] for row in database.fetch_all(SQL["some_keys"])]
    sizes = (store.size(key) for key in keys or ["readyz"])
    if any(size is not None for size in sizes) or not keys:
        return None
    return "it has none of the objects that the registry put there"
