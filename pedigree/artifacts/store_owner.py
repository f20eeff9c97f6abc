"""Which registry a store belongs to: an object ``registry/<id>`` in it names its owner.

A registry recognizes its store by the objects that its database records
(:mod:`pedigree.artifacts.store_health`). A database without any could take over the store of
another registry, or of a database that was lost. So it looks for the owner first.
"""

from uuid import UUID

from pedigree.artifacts.objects import OBJECTS, ObjectStore
from pedigree.artifacts.store import SQL
from pedigree.errors import StoreUnavailableError
from pedigree.postgres.database import Database

OWNERS = "registry/"
"""The prefix of the key that names the owner."""
_NOTE = b"The registry with this id keeps its objects here.\n"


def require_unused(store: ObjectStore) -> None:
    """Require that a store has no objects of a registry, before a new database begins one.

    Raises:
        StoreUnavailableError: It has some, or failed.
    """
    if store.keys(OWNERS, limit=1) or store.keys(OBJECTS, limit=1):
        raise StoreUnavailableError(
            "the database is empty, but the object store has objects of a registry",
            field="PEDIGREE_STORE_URL",
            value=store.url,
            remedy="Restore the database from a backup, or correct PEDIGREE_DATABASE_URL or "
            "PEDIGREE_HOME. A new registry needs an empty store",
        )


def require_owned(database: Database, store: ObjectStore) -> None:
    """Require that a store belongs to this registry; one without an owner does from now on.

    Raises:
        StoreUnavailableError: It belongs to another registry, or failed.
    """
    own = _key(database)
    owners = store.keys(OWNERS, limit=2)
    if not owners:
        _claim(store, own)
        owners = store.keys(OWNERS, limit=2)
        if len(owners) > 1:
            store.delete([own])  # two registries began at the same time
    if owners != [own]:
        raise StoreUnavailableError(
            "the object store belongs to another registry",
            field="PEDIGREE_STORE_URL",
            value=store.url,
            remedy="Correct it or PEDIGREE_DATABASE_URL: a registry needs a bucket, prefix or "
            "folder of its own",
        )


def is_foreign(database: Database, store: ObjectStore) -> bool:
    """Return whether a store belongs to another registry.

    Raises:
        StoreUnavailableError: The store failed.
    """
    owners = store.keys(OWNERS, limit=2)
    return bool(owners) and owners != [_key(database)]


def _key(database: Database) -> str:
    registry_id: UUID = database.fetch_all(SQL["registry_id"])[0]["registry_id"]
    return f"{OWNERS}{registry_id}"


def _claim(store: ObjectStore, own: str) -> None:
    try:
        store.put(own, _NOTE)
    except StoreUnavailableError:
        if store.size(own) is None:
            raise
        # Another process of this registry was faster.
    if store.size(own) is None:
        raise StoreUnavailableError(
            f"the object store {store.url} acknowledged {own} and has no such object",
            remedy="Check the store and whatever is between it and this process",
        )
