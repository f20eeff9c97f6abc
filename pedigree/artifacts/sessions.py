"""Upload sessions: clients send files one by one, in any order, with retries.

A file reaches the store in two ways. A client sends it to the service, which hashes it on the way;
or a client puts it with a signed URL under a *staged* key. The holder of such a URL can write there
again until it expires. So the object is copied to a private key, hashed on the way, and nothing
refers to the staged key.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from pedigree.artifacts.blob_upload import BlobSource, upload_blob
from pedigree.artifacts.lost_bytes import RecordRestored
from pedigree.artifacts.objects import ObjectStore, staging_key
from pedigree.artifacts.paths import source_file
from pedigree.artifacts.records import (
    Blob,
    Digest,
    ManifestFile,
    Tier,
    UploadFile,
    UploadSession,
    WantedFile,
)
from pedigree.artifacts.store import SQL
from pedigree.errors import (
    CorruptionError,
    InvalidArtifactError,
    UnsupportedByStoreError,
    UploadNotFoundError,
)
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

# A session is kept this long after its last use, and its signed URLs are valid equally long.
LEASE = timedelta(hours=1)


def begin_session(
    transaction: Transaction, upload_id: UUID, model: str, files: Sequence[WantedFile]
) -> UploadSession:
    """Begin an upload session; its listed files are not collected while it is active."""
    sizes = {file.digest: file.size for file in files}
    values = {"digests": [*sizes], "sizes": [*sizes.values()]}
    transaction.execute(
        SQL["begin_session"], {**values, "upload_id": upload_id, "model": model, "lease": LEASE}
    )
    # A blob that is being collected now is either skipped, or no longer live.
    transaction.execute(SQL["lock_blobs"], values)
    return session(transaction, upload_id, model)


def session(transaction: Transaction, upload_id: UUID, model: str) -> UploadSession:
    """Return an upload of a model, and extend it.

    Raises:
        UploadNotFoundError: The model has no active upload with that id.
    """
    values = {"upload_id": upload_id, "model": model, "lease": LEASE}
    kept = transaction.execute(SQL["keep_session"], values)
    listed = transaction.execute(SQL["session_files"], values)
    row = kept.fetchone()
    if row is None:
        raise UploadNotFoundError(
            f"{model} has no such active upload",
            field="upload_id",
            value=str(upload_id),
            remedy="Begin a new one; registered files are already stored",
        )
    return UploadSession(**row, files=tuple(UploadFile(**file) for file in listed.fetchall()))


def received_files(transaction: Transaction, upload_id: UUID, model: str) -> frozenset[Digest]:
    """Return the files that an upload received; empty if the model has no such active upload."""
    values = {"upload_id": upload_id, "model": model}
    rows = transaction.execute(SQL["received_files"], values).fetchall()
    return frozenset(row["digest"] for row in rows)


def end_session(transaction: Transaction, upload_id: UUID, model: str) -> None:
    """End an upload, if it exists."""
    transaction.execute(SQL["end_session"], {"upload_id": upload_id, "model": model})


def with_urls(database: Database, store: ObjectStore, found: UploadSession) -> UploadSession:
    """Add upload URLs for the missing files, if the store supports signed URLs."""
    keys = [_staged_key(found.upload_id, file.digest) for file in found.missing]
    if not keys:
        return found
    try:
        signed = store.sign(keys, LEASE, "PUT")
    except UnsupportedByStoreError:
        return found
    # Before a client gets the URLs.
    database.transaction(lambda tx: tx.execute(SQL["note_staged"], {"keys": keys, "lease": LEASE}))
    urls = dict(zip([file.digest for file in found.missing], signed, strict=True))
    files = tuple(file.model_copy(update={"url": urls.get(file.digest)}) for file in found.files)
    return found.model_copy(update={"files": files})


def keep_received(
    database: Database,
    store: ObjectStore,
    file: WantedFile,
    received: Path,
    *,
    note: Callable[[Transaction], None],
    record: RecordRestored,
) -> None:
    """Store a file that a client sent and that was hashed on the way.

    Args:
        database: The database of its row.
        store: The store of its bytes.
        file: The file.
        received: Its bytes, in a file named by a UUID.
        note: Refers to the bytes, in the transaction that makes them live.
        record: Writes the event of bytes that the store had lost and that are stored again.

    Raises:
        InvalidArtifactError: It has other bytes than those of the digest.
    """
    source = source_file(received, received.name, received.stat())

    def put(key: str) -> None:
        with closing(store.intake(UUID(received.name))) as intake:
            taken = intake.take(source)
            if taken.digest != file.digest:
                raise _other_bytes(file)
            intake.keep(source, taken.digest, key)

    upload_blob(
        database,
        store,
        BlobSource(file.blob, put),
        note,
        record,
    )


def require_content(file: WantedFile | ManifestFile, received: Blob) -> None:
    """Refuse received bytes that are not those of the file.

    Raises:
        InvalidArtifactError: Their size or digest differs.
    """
    size, digest = received.size, received.digest
    if size != file.size:
        raise InvalidArtifactError(
            f"the file has {file.size} bytes according to the list",
            field="body",
            value=f"{size} bytes or more" if size > file.size else f"{size} bytes",
            remedy="Send the complete file",
        )
    if digest != file.digest:
        raise InvalidArtifactError(
            "the bytes are not those of the digest",
            field="digest",
            value=digest,
            remedy="Send the file of this digest",
        )


def fetch_staged(database: Database, store: ObjectStore, upload_id: UUID, file: WantedFile) -> None:
    """Fetch a file that a client put with its signed URL; without an object, it stays missing.

    Raises:
        InvalidArtifactError: The object has other bytes.
    """
    staged = _staged_key(upload_id, file.digest)
    size = store.size(staged)
    if size is None:
        return
    if size != file.size:
        raise _other_bytes(file)

    hashed = []

    def put(key: str) -> None:
        store.copy(staged, key, Tier.STANDARD, digest=file.digest)
        hashed.append(key)

    try:
        upload_blob(database, store, BlobSource(file.blob, put), lambda _: None)
    except CorruptionError as error:
        raise _other_bytes(file) from error
    if not hashed and _digest_of_staged(store, staged) != file.digest:
        raise _other_bytes(file)  # the registry has the bytes, and the client does not
    database.transaction(lambda transaction: note_received(transaction, upload_id, file.digest))


def _digest_of_staged(store: ObjectStore, staged: str) -> Digest:
    sha256 = hashlib.sha256()
    for piece in store.stream(staged):
        sha256.update(piece)
    return f"sha256:{sha256.hexdigest()}"


def note_received(transaction: Transaction, upload_id: UUID, digest: Digest) -> None:
    """Record that an upload received a file, which is live."""
    transaction.execute(SQL["note_received"], {"upload_id": upload_id, "digest": digest})


def _staged_key(upload_id: UUID, digest: Digest) -> str:
    return f"{staging_key(upload_id)}/{digest.removeprefix('sha256:')}"


def _other_bytes(file: WantedFile) -> InvalidArtifactError:
    return InvalidArtifactError(
        "the uploaded bytes do not have the digest",
        field="digest",
        value=file.digest,
        remedy="Upload the file again",
    )
