"""The upload of small files that are in memory, for one transaction that makes them live."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from uuid import UUID

from pedigree.artifacts.lost_bytes import RecordRestored, store_again
from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.records import Blob, Digest
from pedigree.artifacts.store import (
    BlobCollectedError,
    StoredBlob,
    close_upload,
    live_blobs,
    lock_blobs,
    retry_if_collected,
)
from pedigree.artifacts.store_health import require_objects, require_store, require_written
from pedigree.artifacts.sweep import abandon_keys
from pedigree.artifacts.upload_keys import upload_keys
from pedigree.errors import PedigreeError, UnavailableError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

T = TypeVar("T")

# A put to a remote store, or the sync of a file, is mostly waiting.
_AT_ONCE = 4


class StoredContents(NamedTuple):
    """What an upload has stored, under keys of one block."""

    block_id: UUID | None = None
    stored: tuple[StoredBlob, ...] = ()


class ContentUpload:
    """A context in which small files go to the store; a refusal removes them again.

    Args:
        database: The database that announces the keys.
        store: The store of the bytes.
        contents: The bytes, by their digests, which the caller has compared.
        record: Writes the event of a content that is live, and whose object the store lost; None to
            store no such content again.
    """

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        contents: Mapping[Digest, bytes],
        record: RecordRestored | None,
    ) -> None:
        self._database = database
        self._store = store
        self._contents = contents
        self._record = record
        self._done: StoredContents | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        done = self._done
        if done is None or done.block_id is None:
            return
        if isinstance(error, BlobCollectedError):
            upload_keys(self._database).drop(done.block_id)
        # After another failure nobody knows whether they are live: the block is given up later.
        if isinstance(error, PedigreeError) and not isinstance(error, UnavailableError):
            keys = [each.key for each in done.stored]
            with suppress(UnavailableError):
                abandon_keys(self._database, self._store, done.block_id, keys)

    def store(self, live: Collection[Digest]) -> StoredContents:
        """Store the contents that are not live, once; return them with the block of their keys.

        Raises:
            StoreUnavailableError: The store failed, or has none of the registry's objects.
            BlobCollectedError: A content is no longer live that was live at the first call.
        """
        missing = sorted(self._contents.keys() - set(live))
        if self._done is None:
            self._done = self._stored(missing) if missing else StoredContents()
        gone = set(missing) - {each.blob.digest for each in self._done.stored}
        if gone:
            raise BlobCollectedError(min(gone))
        return self._done

    def store_again(self, lost: StoredBlob) -> bool:
        """Store a live content again whose object the store lost; False if that is not possible.

        Raises:
            StoreUnavailableError: The store failed, or has none of the registry's objects.
            BlobCollectedError: It was collected, moved or stored again in the meantime.
        """
        content = self._contents.get(lost.blob.digest)
        if content is None or self._record is None:
            return False
        put = partial(self._store.put, content=content)
        store_again(self._database, self._store, lost, put, self._record)
        return True

    def _stored(self, missing: list[Digest]) -> StoredContents:
        taken = upload_keys(self._database).take(len(missing))
        require_store(self._database, self._store, taken.known)
        blobs = tuple(
            StoredBlob(Blob(digest, len(self._contents[digest])), key)
            for digest, key in zip(missing, taken.keys, strict=True)
        )
        if len(blobs) == 1:
            self._put(blobs[0])
        else:
            with ThreadPoolExecutor(min(len(blobs), _AT_ONCE), "pedigree-upload") as pool:
                list(pool.map(self._put, blobs))
        require_store(self._database, self._store, taken.known)  # a disk may be unmounted meanwhile
        for each in blobs:
            require_written(self._store, each)
        return StoredContents(taken.block_id, blobs)

    def _put(self, stored: StoredBlob) -> None:
        self._store.put(stored.key, self._contents[stored.blob.digest])


def upload_contents(
    database: Database,
    store: ObjectStore,
    contents: Mapping[Digest, bytes],
    end: Callable[[Transaction], T],
    record: RecordRestored | None,
) -> T:
    """Store small contents, each unless it is live, and make them live in one transaction.

    Args:
        database: The database of their rows.
        store: The store of the bytes.
        contents: The bytes, by their digests, which the caller has compared.
        end: Refers to the contents, in the transaction that makes them live; they are locked
            against removal.
        record: Writes the event of a content that is live, whose object the store lost, and which
            is stored again; without it, it is refused.

    Returns:
        The result of ``end``.

    Raises:
        CorruptionError: The store lost the object of a live content, and there is no ``record``.
        StoreUnavailableError: The store failed.
    """
    return retry_if_collected(lambda: _upload(database, store, contents, end, record))


def _upload(
    database: Database,
    store: ObjectStore,
    contents: Mapping[Digest, bytes],
    end: Callable[[Transaction], T],
    record: RecordRestored | None,
) -> T:
    live = database.read(lambda transaction: live_blobs(transaction, contents))
    with ContentUpload(database, store, contents, record) as upload:
        require_objects(database, store, live, upload.store_again)
        done = upload.store({each.blob.digest for each in live})

        def make_live(transaction: Transaction) -> T:
            if done.block_id is not None:
                close_upload(transaction, done.block_id, done.stored)
            lock_blobs(transaction, contents)
            return end(transaction)

        return database.transaction(make_live, pipelined=True)
