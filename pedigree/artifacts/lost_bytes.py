"""Store bytes again that the store lost, for a caller who has them.

No key is ever written twice, so the bytes get a new key. Then one transaction points the blob's row
to it and writes the event, as :mod:`pedigree.artifacts.tiers` moves a blob.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from pedigree.artifacts._upload import Upload
from pedigree.artifacts.objects import ObjectStore, blob_key
from pedigree.artifacts.records import Digest, Tier
from pedigree.artifacts.store import SQL, BlobCollectedError, StoredBlob
from pedigree.artifacts.store_health import require_written
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

RecordRestored: TypeAlias = Callable[[Transaction, StoredBlob, datetime], object]
"""Writes the event of restored bytes at a time, in the transaction that points to them."""


def storing_again(
    database: Database,
    store: ObjectStore,
    put: Callable[[Digest, str], None],
    record: RecordRestored | None,
) -> Callable[[StoredBlob], None] | None:
    """Return a function that stores a lost blob again; None without ``record``.

    Args:
        database: The database with the blob's row.
        store: The store that lost the object.
        put: Puts the bytes of a digest under a key, durably.
        record: Writes the event.
    """
    if record is None:
        return None

    def again(lost: StoredBlob) -> None:
        store_again(database, store, lost, partial(put, lost.blob.digest), record)

    return again


def store_again(
    database: Database,
    store: ObjectStore,
    lost: StoredBlob,
    put: Callable[[str], None],
    record: RecordRestored,
) -> None:
    """Store the bytes of a live blob whose object is lost.

    Args:
        database: The database with the blob's row.
        store: The store that lost the object.
        lost: The blob, and the key that has no object, or an incomplete one.
        put: Puts the bytes under a key, durably.
        record: Writes the event.

    Raises:
        BlobCollectedError: The blob was collected, moved or restored in the meantime.
        StoreUnavailableError: The store failed.
    """
    digest = lost.blob.digest
    with Upload(database, store) as upload:
        found = StoredBlob(lost.blob, blob_key(digest, upload.upload_id))
        upload.open([digest])
        upload.each(put, [found.key])
        require_written(store, found)
        values = {
            "upload_id": upload.upload_id,
            "digest": digest,
            "tier": Tier.STANDARD,
            "old_key": lost.key,
            "new_key": found.key,
            "grace": timedelta(0),
        }

        def point(transaction: Transaction) -> bool:
            row = transaction.execute(SQL["swap_key"], values).fetchone()
            if not (row and row["moved"]):
                return False
            record(transaction, found, row["at"])
            return True

        moved = database.transaction(point)
        upload.hand_over()
    if not moved:
        raise BlobCollectedError(digest)
