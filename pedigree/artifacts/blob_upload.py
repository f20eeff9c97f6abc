"""Store one blob.

A blob of any size is announced by a row of its own before its first byte, with a lease that is
renewed while its bytes arrive. Small bytes in memory take a key of the process's announced block
(:mod:`pedigree.artifacts.content_upload`). Nothing refers to a blob before all bytes are stored.
:func:`pedigree.artifacts.publish.publish` stores an artifact of several files.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from pedigree.artifacts._ingest import LARGEST_HELD
from pedigree.artifacts._upload import Upload
from pedigree.artifacts.content_upload import upload_contents
from pedigree.artifacts.lost_bytes import RecordRestored, storing_again
from pedigree.artifacts.objects import ObjectStore, blob_key
from pedigree.artifacts.records import Blob, Digest, digest_of
from pedigree.artifacts.store import StoredBlob, close_upload, lock_blobs, retry_if_collected
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

T = TypeVar("T")


class BlobSource(NamedTuple):
    """A blob that may not be in the store yet, and a function that puts it there."""

    blob: Blob
    put: Callable[[str], None]
    """Puts the bytes under a key, durably; raises if they are not the blob's bytes."""


def upload_blob(
    database: Database,
    store: ObjectStore,
    source: BlobSource,
    end: Callable[[Transaction], T],
    record: RecordRestored | None = None,
) -> T:
    """Store a blob and make it live, unless it is live already.

    Args:
        database: The database of its row.
        store: The store of its bytes.
        source: The blob.
        end: Refers to the blob, in the transaction that makes it live. Until something refers to
            it, a garbage collection may remove it.
        record: Writes the event if the blob is live, the store lost its bytes, and they are stored
            again; without it they are refused.

    Returns:
        The result of ``end``.

    Raises:
        CorruptionError: The store lost the bytes of the live blob, and there is no ``record``.
        StoreUnavailableError: The store failed.
    """
    return retry_if_collected(lambda: _upload(database, store, source, end, record))


def put_blob(
    database: Database,
    store: ObjectStore,
    content: bytes,
    record: RecordRestored | None = None,
) -> Digest:
    """Store some bytes, and return their digest once they are live.

    Lock them with :func:`pedigree.artifacts.store.lock_blobs` in the transaction that refers to
    them.

    Raises:
        StoreUnavailableError: The store failed.
    """
    digest = digest_of(content)
    upload_contents(database, store, {digest: content}, lambda _: None, record)
    return digest


def _upload(
    database: Database,
    store: ObjectStore,
    source: BlobSource,
    end: Callable[[Transaction], T],
    record: RecordRestored | None,
) -> T:
    with _BlobUpload(database, store) as upload:

        def make_live(transaction: Transaction) -> T:
            upload.make_live(transaction)
            return end(transaction)

        database.transaction(lambda tx: upload.announce(tx, source.blob), pipelined=True)
        upload.put(source.put)
        put = source.put
        again = storing_again(database, store, lambda _, key: put(key), record)
        upload.require_bytes(upload.missing, again)
        result = database.transaction(make_live, pipelined=True)
        upload.hand_over()
    return result


class _BlobUpload(Upload):
    """A context in which one blob is stored; an exception removes it again."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        super().__init__(database, store)
        self._announced: list[Blob] = []
        self.missing: list[StoredBlob] = []
        """The blob, unless it is live."""

    def announce(self, transaction: Transaction, blob: Blob) -> None:
        """Announce the blob, unless it is live."""
        missing = self.claim_in(transaction, [blob.digest])
        key = blob_key(blob.digest, self.upload_id)
        self._announced = [blob]
        self.missing = [StoredBlob(blob, key)] if missing else []

    def put(self, put: Callable[[str], None]) -> None:
        """Put the missing bytes, after the announcement is committed."""
        self.is_open = bool(self.missing)
        self.require_store()
        for stored in self.missing:
            if stored.blob.size <= LARGEST_HELD:
                put(stored.key)
            else:
                self.each(put, [stored.key])  # may outlast the lease, which is then renewed

    def make_live(self, transaction: Transaction) -> None:
        """Make the blob live, and lock it against removal until the transaction ends.

        Raises:
            BlobCollectedError: It was live at the announcement, and was collected since.
        """
        if self.missing:
            close_upload(transaction, self.upload_id, self.missing)
        lock_blobs(transaction, [blob.digest for blob in self._announced])
