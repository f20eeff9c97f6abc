"""Move blobs between the tiers of a store.

No key is ever written twice, so a blob moves by being copied to a new key: then one transaction
lets the blob's row point there, and the old key becomes an orphan that a collection removes.
"""

from collections.abc import Callable
from datetime import timedelta

from pedigree.artifacts._upload import Upload
from pedigree.artifacts.objects import ObjectStore, blob_key
from pedigree.artifacts.records import Digest, Tier
from pedigree.artifacts.store import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

# Somebody who was told the old key may still read it, or hold a URL signed for it, for so long.
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
    """Move a blob to a tier; a blob that is there already stays untouched.

    Any number of processes may move, register, collect and sweep the same blob meanwhile: the one
    whose transaction finds the key that it copied wins, and the copies of the others are removed.

    Args:
        database: Where the blob's row is.
        store: Where its bytes are.
        digest: The blob.
        tier: Where it shall lie.
        grace: How long the old key stays readable.
        confirm: Asked in the transaction of the move, with the new key; False takes it back.

    Returns:
        Whether it was moved; False as well when it is gone, or somebody else moved it meanwhile.

    Raises:
        CorruptionError: Its object is gone, or has other bytes.
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
    """Rolls back a move that nobody wants any more."""


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
