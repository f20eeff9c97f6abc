"""One upload: its row in Postgres, its lease, and the work under the lease."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar
from uuid import uuid4

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.records import Digest
from pedigree.artifacts.store import (
    BlobCollectedError,
    StoredBlob,
    claim_digests,
    open_upload,
    renew_lease,
    some_blobs,
)
from pedigree.artifacts.store_health import require_object, require_store, require_written
from pedigree.artifacts.sweep import abandon_upload
from pedigree.errors import CorruptionError, UnavailableError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

T = TypeVar("T")
R = TypeVar("R")

# The lease outlives any pause of a living process; after a crash, its bytes stay this long.
_LEASE = timedelta(hours=1)
_RENEW_AFTER_S = 600.0

# Hashing and copying release the interpreter's lock. More parallel files than this need more memory
# and make no disk faster.
_AT_ONCE = 4


class Upload:
    """A context in which bytes go to the store; an exception removes them again."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self.upload_id = uuid4()
        self.is_open = False
        """Whether there is a row in ``pedigree.upload``."""
        self._database = database
        self._store = store
        self._handed_over = False
        self._live: tuple[StoredBlob, ...] = ()
        self._known: tuple[StoredBlob, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_open and not self._handed_over:
            # If this also fails, the lease expires and a collection removes them.
            with suppress(UnavailableError):
                abandon_upload(self._database, self._store, self.upload_id)

    def open(self, digests: Sequence[Digest] = ()) -> None:
        """Announce the upload, possibly before its digests are known.

        Raises:
            StoreUnavailableError: The store has none of the registry's objects.
        """

        def announce(transaction: Transaction) -> tuple[StoredBlob, ...]:
            open_upload(transaction, self.upload_id, digests, _LEASE)
            return some_blobs(transaction)

        self.is_open = True  # before it is true, so that a lost answer leaves no row
        self._known = self._database.transaction(announce)
        self.require_store()

    def claim(self, digests: Sequence[Digest]) -> list[Digest]:
        """Announce the digests that are not live, which the upload will store, and return them.

        Raises:
            StoreUnavailableError: The store has none of the registry's objects.
        """
        was_open = self.is_open
        missing = self._database.transaction(lambda tx: self.claim_in(tx, digests))
        self.is_open = was_open or bool(missing)
        self.require_store()
        return missing

    def claim_in(self, transaction: Transaction, digests: Sequence[Digest]) -> list[Digest]:
        """Do the same in the caller's transaction.

        The caller puts nothing before its commit, and nothing into another store
        (:meth:`require_store`).
        """
        self.is_open = True  # before it is true, so that a lost answer leaves no row
        claim = claim_digests(transaction, self.upload_id, digests, _LEASE)
        self._live, self._known = claim.live, claim.others
        live = {stored.blob.digest for stored in claim.live}
        return [digest for digest in digests if digest not in live]

    def require_store(self) -> None:
        """Require that this is the registry's store, before anything is put into it.

        Raises:
            StoreUnavailableError: The store has none of the registry's objects.
        """
        require_store(self._database, self._store, self._known)

    def require_bytes(
        self,
        written: Sequence[StoredBlob],
        store_again: Callable[[StoredBlob], object] | None = None,
    ) -> None:
        """Require the objects of all claimed blobs, before anything refers to them.

        Args:
            written: The blobs that this upload put into the store; the others were live.
            store_again: Stores the bytes of a live one that the store lost; None to refuse it.

        Raises:
            BlobCollectedError: A live one was collected in the meantime.
            CorruptionError: The store lost a live one, and there is no `store_again`.
            StoreUnavailableError: The store has none of the registry's objects, or not what it
                acknowledged.
        """
        self.require_store()  # again: a disk may be unmounted while files are written

        live = set(self._live)

        def require(stored: StoredBlob) -> None:
            if stored not in live:
                require_written(self._store, stored)
                return
            try:
                require_object(self._database, self._store, stored)
            except CorruptionError:
                if store_again is None:
                    raise
                store_again(stored)

        blobs = (*self._live, *written)
        if self._store.is_local or len(blobs) == 1:
            for stored in blobs:
                require(stored)
        else:
            self.each(require, blobs)

    def hand_over(self) -> None:
        """Hand the bytes and the row over to the transaction that seals them."""
        self._handed_over = True

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Do the work for each item in parallel; results are in the items' order.

        Raises:
            BlobVanishedError: The lease expired, and a sweep removed the uploaded bytes.
        """
        if not items:
            return []
        with ThreadPoolExecutor(min(len(items), _AT_ONCE), "pedigree-upload") as pool:
            futures = [pool.submit(work, item) for item in items]
            try:
                self._await(futures)
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _await(self, futures: Sequence[Future[R]]) -> None:
        pending = set(futures)
        while pending:
            done, pending = wait(pending, _RENEW_AFTER_S, FIRST_EXCEPTION)
            for future in done:
                future.result()
            if pending and self.is_open:
                self._renew()

    def _renew(self) -> None:
        if not self._database.transaction(lambda tx: renew_lease(tx, self.upload_id, _LEASE)):
            raise BlobCollectedError(str(self.upload_id))
