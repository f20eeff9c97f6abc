"""Remove the remains of uploads that never became part of an artifact."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from pedigree.artifacts.objects import ObjectStore, blob_key, block_key, staging_key
from pedigree.artifacts.store import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row, Transaction

# A process that lost its lease may still have a request in flight. So the keys are kept longer
# than any request lives, and then removed again.
SETTLE = timedelta(hours=1)


def expire_uploads(database: Database, upload_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[str]]:
    """Give up the uploads whose lease expired; their keys become orphans.

    Either the transaction that seals an upload or the one that gives it up gets the row.

    Returns:
        The keys of each upload that was given up.
    """
    return database.transaction(
        lambda transaction: _give_up(
            transaction, "delete_expired_uploads", {"upload_ids": list(upload_ids)}
        )
    )


def remove_orphans(
    database: Database, store: ObjectStore, keys: Sequence[str], *, settle: timedelta = SETTLE
) -> Collection[str]:
    """Remove the objects under keys that no blob refers to.

    Any number of processes may do so, and may be killed: keys are never written twice. A key is
    kept until it has settled, and its object is then removed again.

    Args:
        database: The database with the keys; keys that it does not list are ignored.
        store: The store with the objects.
        keys: The keys.
        settle: How long a key is kept after it was given up.

    Returns:
        The removed keys; a key may have had no object.

    Raises:
        StoreUnavailableError: The store failed; the keys stay listed.
    """
    rows = database.fetch_all(SQL["find_orphans"], {"keys": list(keys), "settle": settle})
    if rows:
        store.delete([row["key"] for row in rows])
        database.transaction(lambda transaction: _forget_or_wait(transaction, rows, settle))
    return {row["key"] for row in rows}


def abandon_upload(database: Database, store: ObjectStore, upload_id: UUID) -> None:
    """Give up an upload of this process, which no longer writes, and remove its objects now.

    Does nothing if the upload was sealed or swept.

    Raises:
        StoreUnavailableError: The store failed; the next collection removes the objects.
    """
    given_up = database.transaction(
        lambda tx: _give_up(tx, "delete_upload", {"upload_id": upload_id})
    )
    keys = given_up.get(upload_id, [])
    store.delete(keys)
    database.transaction(lambda transaction: _forget(transaction, keys))


def give_up_blocks(transaction: Transaction, taken: Mapping[UUID, int]) -> None:
    """Give up blocks of keys; those of which no object is live become orphans.

    Args:
        transaction: The transaction.
        taken: How many keys of each block were taken.
    """
    if taken:
        blocks = [*taken]
        counts = {"upload_ids": blocks, "keys": [max(taken[each], 1) for each in blocks]}
        transaction.execute(SQL["shorten_blocks"], counts)
        _give_up(transaction, "delete_uploads", {"upload_ids": blocks})


def abandon_keys(
    database: Database, store: ObjectStore, block_id: UUID, keys: Sequence[str]
) -> None:
    """Give up some keys of a block, and remove their objects now.

    The keys stay listed until they have settled. So if the transaction of an earlier attempt is
    still to come, it does not make them live.

    Raises:
        StoreUnavailableError: The store failed; the next collection removes the objects.
    """

    def give_up(transaction: Transaction) -> list[str]:
        transaction.execute(SQL["lock_block"], {"upload_id": block_id})
        given_up = transaction.execute(SQL["insert_orphans"], {"keys": list(keys)})
        return [row["key"] for row in given_up.fetchall()]

    store.delete(database.transaction(give_up))


def _give_up(
    transaction: Transaction, query: str, values: dict[str, object]
) -> dict[UUID, list[str]]:
    uploads = transaction.execute(SQL[query], values).fetchall()
    keys = {upload["upload_id"]: _keys_of(upload) for upload in uploads}
    if keys:
        every = [key for of_one in keys.values() for key in of_one]
        transaction.execute(SQL["insert_orphans"], {"keys": every})
    return keys


def _keys_of(upload: Row) -> list[str]:
    upload_id: UUID = upload["upload_id"]
    if upload["keys"] is not None:
        return [block_key(upload_id, number) for number in range(upload["keys"])]
    blobs = [blob_key(digest, upload_id) for digest in upload["digests"]]
    return [staging_key(upload_id), *blobs]


def _forget_or_wait(transaction: Transaction, rows: Sequence[Row], settle: timedelta) -> None:
    _forget(transaction, [row["key"] for row in rows if row["settled"]])
    waiting = [row["key"] for row in rows if not row["settled"]]
    transaction.execute(SQL["postpone_orphans"], {"keys": waiting, "settle": settle})


def _forget(transaction: Transaction, keys: Sequence[str]) -> None:
    if keys:
        transaction.execute(SQL["delete_orphans"], {"keys": list(keys)})
