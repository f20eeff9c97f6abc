"""Checks that the store has the bytes that the database records.

The database cannot see the store. A disk that is not mounted, an emptied bucket or a wrong URL
answers like a store without objects. So whatever relies on recorded bytes looks at their objects
first, and whatever writes looks whether this is the registry's store at all.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.records import Blob
from pedigree.artifacts.store import (
    SQL,
    BlobCollectedError,
    StoredBlob,
    locate,
    retry_if_collected,
    some_blobs,
)
from pedigree.artifacts.store_owner import is_foreign, require_owned
from pedigree.errors import CorruptionError, StoreUnavailableError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

# Asking a remote store for a size is only waiting.
_AT_ONCE = 8


def missing(database: Database, store: ObjectStore) -> str | None:
    """Return the problem of the store; None if it answers and has the registry's objects.

    An unmounted folder also answers, but is empty. So this looks for a few known objects.
    ``pedigree fsck`` finds single lost objects.

    Raises:
        UnavailableError: The database or the store does not answer.
    """
    known = database.read(some_blobs)
    if not known:
        return "it belongs to another registry" if is_foreign(database, store) else None
    return None if _has_one_of(store, known) else "it has none of the registry's objects"


def require_store(database: Database, store: ObjectStore, known: Sequence[StoredBlob]) -> None:
    """Require that the store has at least one of a few objects that the database records.

    Args:
        database: The database of the objects' rows.
        store: The store.
        known: The objects; without any, the store must be new, or belong to this registry.

    Raises:
        StoreUnavailableError: It has none of the registry's objects, or belongs to another one.
    """
    if not known:
        require_owned(database, store)
        return
    if _has_one_of(store, known):
        return
    # A collection may have removed these few since they were read.
    current = database.read(some_blobs)
    if current and not _has_one_of(store, current):
        raise StoreUnavailableError(
            f"the object store {store.url} has none of the registry's objects",
            remedy="Mount its disk or correct PEDIGREE_STORE_URL; `pedigree fsck` lists what is "
            "missing",
        )


def require_object(database: Database, store: ObjectStore, stored: StoredBlob) -> None:
    """Require that the store has the object of a blob, in its full size.

    Raises:
        BlobCollectedError: The blob was collected or moved since it was looked up.
        CorruptionError: The object is missing or has another size.
    """
    size = store.size(stored.key)
    if size == stored.blob.size:
        return
    found = "no such object" if size is None else f"{size} of {stored.blob.size} bytes"
    rows = database.fetch_all(SQL["find_blob"], {"digest": stored.blob.digest})
    if any(row["key"] == stored.key for row in rows):
        raise CorruptionError(
            f"the store {store.url} lost bytes that the registry records: of {stored.key} it has "
            f"{found}",
            field="digest",
            value=stored.blob.digest,
            remedy="Restore the object from a backup; `pedigree fsck` lists what is missing",
        )
    raise BlobCollectedError(stored.blob.digest)


def require_bytes(
    database: Database,
    store: ObjectStore,
    read: Callable[[Transaction], Sequence[StoredBlob]],
) -> None:
    """Require the objects of some live blobs, before anything new relies on them.

    Args:
        database: The database of the blobs.
        store: The store of their objects.
        read: Returns the blobs; it is called again if one is collected in the meantime.

    Raises:
        CorruptionError: One of the objects is missing or has another size.
        StoreUnavailableError: The store failed.
    """
    retry_if_collected(lambda: require_objects(database, store, database.read(read)))


def require_objects(
    database: Database,
    store: ObjectStore,
    blobs: Collection[StoredBlob],
    store_again: Callable[[StoredBlob], bool] | None = None,
) -> None:
    """Require the objects of live blobs as they were looked up.

    Args:
        database: The database of the blobs.
        store: The store of their objects.
        blobs: The blobs as they were looked up.
        store_again: Stores the bytes of a blob that the store lost; False if they are not at hand.
            None to refuse all of them.

    Raises:
        BlobCollectedError: A blob was collected, moved or stored again since it was looked up.
        CorruptionError: One of the objects is missing or has another size, and was not stored
            again.
        StoreUnavailableError: The store failed.
    """

    def is_unchanged(stored: StoredBlob) -> bool:
        try:
            require_object(database, store, stored)
        except CorruptionError:
            if store_again is None or not store_again(stored):
                raise
            return False
        return True

    if store.is_local:
        unchanged = [is_unchanged(stored) for stored in blobs]
    else:
        with ThreadPoolExecutor(_AT_ONCE, "pedigree-look") as pool:
            unchanged = list(pool.map(is_unchanged, blobs))
    for stored, same in zip(blobs, unchanged, strict=True):
        if not same:
            raise BlobCollectedError(stored.blob.digest)


def is_lost(database: Database, store: ObjectStore, blob: Blob) -> bool:
    """Return whether the store lost the bytes of a blob that was live.

    Raises:
        StoreUnavailableError: The store failed.
    """

    def read(transaction: Transaction) -> list[StoredBlob]:
        return [StoredBlob(blob, key) for key in locate(transaction, [blob.digest]).values()]

    try:
        require_bytes(database, store, read)
    except CorruptionError:
        return True
    return False


def require_written(store: ObjectStore, stored: StoredBlob) -> None:
    """Require that the store has an object that was just written, in its full size.

    Raises:
        StoreUnavailableError: The store acknowledged an object that it does not have.
    """
    size = store.size(stored.key)
    if size != stored.blob.size:
        found = "no such object" if size is None else f"{size} of {stored.blob.size} bytes"
        raise StoreUnavailableError(
            f"the object store {store.url} acknowledged {stored.key} and has {found}",
            remedy="Check the store and whatever is between it and this process",
        )


def _has_one_of(store: ObjectStore, known: Sequence[StoredBlob]) -> bool:
    return any(store.size(stored.key) is not None for stored in known)
