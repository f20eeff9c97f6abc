"""Put an artifact's bytes into a store, each file once; rows that name them come afterwards."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from pedigree.artifacts.objects import Intake, ObjectStore, Taken, blob_key
from pedigree.artifacts.paths import SourceFile, scan
from pedigree.artifacts.records import Digest, Manifest, ManifestFile, digest_of
from pedigree.artifacts.store import LEASE, SQL, Publication, StoredBlob, close_upload
from pedigree.errors import CorruptionError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction
from pedigree.signatures.records import Signature

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")

# hashlib and the system calls let go of the interpreter, so a few threads fill disk and CPU.
_THREADS = 4


def publish(
    database: Database, store: ObjectStore, path: Path, flavor: str, signature: Signature
) -> Publication:
    """Read the files of an artifact once, and store those whose bytes are not there yet.

    The answer is handed to :func:`pedigree.artifacts.store.seal` inside the transaction that
    registers it. Until then nothing refers to the bytes; what a crash leaves is swept later.

    Raises:
        InvalidArtifactError: The path is missing, empty, holds a link, or changes meanwhile.
        StoreUnavailableError: The store fails.
        CorruptionError: The bytes that went to the store are not those that were hashed.
    """
    files = scan(path)
    upload_id = uuid4()
    with _upload(database, store, upload_id) as intake:
        taken = _in_parallel(intake.take, files)
        missing = _claim(database, upload_id, {each.digest for each in taken})
        kept = {each.digest: (source, each) for source, each in zip(files, taken, strict=True)}
        stored = _keep(intake, [kept[digest] for digest in sorted(missing)], upload_id)
    manifest = Manifest(
        flavor=flavor,
        signature=signature,
        files=tuple(
            ManifestFile(path=source.path, size=each.size, digest=each.digest)
            for source, each in zip(files, taken, strict=True)
        ),
    )
    return Publication(manifest, upload_id, stored)


def put_blob(database: Database, store: ObjectStore, content: bytes) -> Digest:
    """Store some bytes held in memory; they are live when this returns.

    Raises:
        StoreUnavailableError: The store fails.
    """
    digest, upload_id = digest_of(content), uuid4()
    if not _claim(database, upload_id, {digest}):
        return digest
    key = blob_key(digest, upload_id)
    store.put(key, content)
    blob = StoredBlob(digest, len(content), key)
    database.run(lambda transaction: close_upload(transaction, upload_id, [blob]))
    return digest


def read_blob(store: ObjectStore, digest: Digest, key: str) -> bytes:
    """Return a blob's bytes, compared with its digest.

    Raises:
        CorruptionError: They are not what the digest says, or are gone.
    """
    content = b"".join(store.stream(key))
    if digest_of(content) != digest:
        raise CorruptionError(
            f"the object {key} does not have the sha256 that it was stored with",
            remedy="Restore it from a backup",
        )
    return content


@contextmanager
def _upload(database: Database, store: ObjectStore, upload_id: UUID) -> Iterator[Intake]:
    intake = store.intake(upload_id)
    if intake.writes_early:
        database.run(lambda transaction: _open(transaction, upload_id))
    try:
        yield intake
    finally:
        intake.close()


def _open(transaction: Transaction, upload_id: UUID) -> None:
    transaction.execute(SQL["open_upload"], {"upload_id": upload_id, "lease": LEASE})


def _claim(database: Database, upload_id: UUID, digests: set[Digest]) -> set[Digest]:
    """Announce the upload of the digests that are not live, and return them."""
    rows = database.run(
        lambda transaction: transaction.execute(
            SQL["claim_digests"],
            {"upload_id": upload_id, "digests": sorted(digests), "lease": LEASE},
        ).fetchall()
    )
    return digests - {row["digest"] for row in rows}


def _keep(
    intake: Intake, missing: list[tuple[SourceFile, Taken]], upload_id: UUID
) -> tuple[StoredBlob, ...]:
    def keep(pair: tuple[SourceFile, Taken]) -> StoredBlob:
        source, taken = pair
        key = blob_key(taken.digest, upload_id)
        intake.keep(source, taken.digest, key)
        return StoredBlob(taken.digest, taken.size, key)

    return _in_parallel(keep, missing)


def _in_parallel(
    work: Callable[[Argument], Answer], arguments: Sequence[Argument]
) -> tuple[Answer, ...]:
    if len(arguments) < 2:
        return tuple(map(work, arguments))  # a thread costs more than a small file
    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(pool.map(work, arguments))
