"""Move blobs between the tiers of a store.

No key is ever written twice, so a blob is copied to a new key. Then one transaction points the
blob's row to it, and the old key becomes an orphan that a collection removes.
"""

from collections.abc import Callable
from datetime import timedelta

from pedigree.artifacts._upload import Upload
from pedigree.artifacts.objects import ObjectStore, blob_key
from pedigree.artifacts.records import Digest, Tier
from pedigree.artifacts.store import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

# A client that got the old key, or a URL signed for it, may still read it for this long.
_GRACE = timedelta(hours=1)


def retier(
    database: Database,
    store: ObjectStore,
    digest: Digest,
    tier: Tier,
    *,
    grace: timedelta = _GRACE,
    confirm: Callable[[Transaction, str], bool] = lambda _transaction, _key: True,
) -> bool:
    """Move a blob to a tier; a blob that is already there stays untouched.

    Any number of processes may move, register, collect and sweep the same blob concurrently: the
    one whose transaction finds the copied key unchanged wins, and the copies of the others are
    removed.

    Args:
        database: The database with the blob's row.
        store: The store with its bytes.
        digest: The blob.
        tier: The new tier.
        grace: How long the old key stays readable.
        confirm: Called in the transaction of the move, with the new key; False aborts the move.

    Returns:
        Whether it was moved; also False if it is gone, or another process moved it.

    Raises:
        CorruptionError: Its object is missing, or has other bytes.
        ObjectArchivedError: It must be restored from its storage class first.
        StoreUnavailableError: The store failed; nothing was moved.
    """
    rows = database.fetch_all(SQL["find_blob"], {"digest": digest})
    if not rows or rows[0]["tier"] == tier:
        return False
    old_key: str = rows[0]["key"]
    with Upload(database, store) as upload:
        new_key = blob_key(digest, upload.upload_id)
        upload.open([digest])
        upload.each(lambda key: store.copy(old_key, key, tier, digest=digest), [new_key])
        values = {
            "upload_id": upload.upload_id,
            "digest": digest,
            "tier": tier,
            "old_key": old_key,
            "new_key": new_key,
            "grace": grace,
        }
        try:
            moved = database.transaction(lambda transaction: _swap(transaction, values, confirm))
        except _NotConfirmedError:
            return False
        upload.hand_over()
    return moved


class _NotConfirmedError(Exception):
    """Rolls back a move that is no longer wanted."""


def _swap(
    transaction: Transaction,
    values: dict[str, object],
    confirm: Callable[[Transaction, str], bool],
) -> bool:
    row = transaction.execute(SQL["swap_key"], values).fetchone()
    moved = bool(row and row["moved"])
    if moved and not confirm(transaction, str(values["new_key"])):
        raise _NotConfirmedError
    return moved
