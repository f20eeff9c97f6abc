"""Remove what uploads left behind that never became part of an artifact."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from pedigree.artifacts.objects import ObjectStore, blob_key, staging_key
from pedigree.artifacts.store import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row, Transaction

# A process that lost its lease may still have a request in flight. So the keys are remembered
# for longer than any request lives, and removed once more then.
_SETTLE = timedelta(hours=1)


def sweep_expired(database: Database, store: ObjectStore, *, settle: timedelta = _SETTLE) -> int:
    """Give up the uploads whose lease ran out, and remove objects that no blob names.

    Any number of processes may sweep, and be killed at it, while others register: an upload's row
    either goes to the transaction that seals it or to a sweep, and keys are never written twice.

    Args:
        database: Where the uploads are noted.
        store: Where their objects are.
        settle: How long a key is remembered after it was given up.

    Returns:
        How many keys were removed from the store; a key may have had nothing under it.

    Raises:
        StoreUnavailableError: The store failed; the next sweep goes on from there.
    """
    while database.run(_expire):
        pass
    removed, last = 0, ""
    while page := _orphans_after(database, last, settle):
        store.delete([row["key"] for row in page])
        _forget(database, [row["key"] for row in page if row["settled"]])
        removed, last = removed + len(page), page[-1]["key"]
    return removed


def abandon_upload(database: Database, store: ObjectStore, upload_id: UUID) -> None:
    """Give up an upload of this process, which writes no more, and remove its objects now.

    Does nothing when the upload was sealed or swept.

    Raises:
        StoreUnavailableError: The store failed; the next sweep removes the objects.
    """
    keys = database.run(lambda tx: _give_up(tx, "delete_upload", {"upload_id": upload_id}))
    store.delete(keys)
    _forget(database, keys)


def _expire(transaction: Transaction) -> list[str]:
    return _give_up(transaction, "delete_expired_uploads", {})


def _give_up(transaction: Transaction, query: str, values: dict[str, UUID]) -> list[str]:
    uploads = transaction.execute(SQL[query], values).fetchall()
    keys = [key for upload in uploads for key in _keys_of(upload)]
    if keys:
        transaction.execute(SQL["insert_orphans"], {"keys": keys})
    return keys


def _keys_of(upload: Row) -> list[str]:
    upload_id: UUID = upload["upload_id"]
    blobs = [blob_key(digest, upload_id) for digest in upload["digests"]]
    return [staging_key(upload_id), *blobs]


def _orphans_after(database: Database, last: str, settle: timedelta) -> list[Row]:
    return database.read(SQL["list_orphans"], {"after": last, "settle": settle})


def _forget(database: Database, keys: Sequence[str]) -> None:
    if keys:
        database.run(lambda tx: tx.execute(SQL["delete_orphans"], {"keys": list(keys)}).rowcount)
