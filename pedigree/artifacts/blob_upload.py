"""One blob on its way into the store, by two transactions that its caller may use for more.

::

    with Bringing(database, store) as bringing:
        database.transaction(lambda transaction: bringing.announce(transaction, blob))
        bringing.put(lambda key: store.put(key, content))
        database.transaction(lambda transaction: bringing.make_live(transaction))
        bringing.hand_over()

It is announced before its first byte, and nothing refers to it before all of them are there.
"""

from collections.abc import Callable
from typing import NamedTuple

from pedigree.artifacts._ingest import LARGEST_HELD
from pedigree.artifacts._upload import Upload
from pedigree.artifacts.objects import ObjectStore, blob_key
from pedigree.artifacts.records import Digest
from pedigree.artifacts.store import StoredBlob, close_upload, lock_blobs
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction


class PendingBlob(NamedTuple):
    """A blob that is known before its bytes are in the store."""

    digest: Digest
    size: int


class BlobUpload(Upload):
    """A context in which one blob gets into the store; left by an exception, it goes again."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        super().__init__(database, store)
        self._announced: list[PendingBlob] = []
        self._missing: list[StoredBlob] = []

    def announce(self, transaction: Transaction, blob: PendingBlob) -> None:
        """Say that the blob will be brought, unless it is live."""
        missing = self.claim_in(transaction, [blob.digest])
        key = blob_key(blob.digest, self.upload_id)
        self._announced = [blob]
        self._missing = [StoredBlob(digest, blob.size, key) for digest in missing]

    def put(self, put: Callable[[str], None]) -> None:
        """Put the bytes that are missing, once it is committed that they are announced.

        Args:
            put: Puts them under a key that it is given, durably; it raises where they are others.
        """
        self.is_open = bool(self._missing)
        for stored in self._missing:
            if stored.size <= LARGEST_HELD:
                put(stored.key)
            else:
                self.each(put, [stored.key])  # for so long that the lease may have to be renewed

    def make_live(self, transaction: Transaction) -> None:
        """Make the blob live, and lock it against removal until the transaction ends.

        Raises:
            BlobVanishedError: It was live when it was announced, and was collected since.
        """
        if self._missing:
            close_upload(transaction, self.upload_id, self._missing)
        lock_blobs(transaction, [blob.digest for blob in self._announced])
