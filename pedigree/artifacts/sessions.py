"""Uploads whose files come one by one, from elsewhere, in any order and by several tries.

A file reaches the store in two ways. It is sent to us, who hash it while it comes; or it is put by
a signed URL under a *staged* key. Whoever has such a URL can write there again as long as it holds,
so what lies there is copied to a key of ours, hashed on the way, and never referred to itself.
"""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from pedigree.artifacts.blob_upload import BlobSource, upload_blob
from pedigree.artifacts.objects import ObjectStore, staging_key
from pedigree.artifacts.paths import source_file
from pedigree.artifacts.records import Blob, Digest, Tier, UploadFile, UploadSession, WantedFile
from pedigree.artifacts.store import SQL
from pedigree.errors import (
    CorruptionError,
    InvalidArtifactError,
    UnsupportedByStoreError,
    UploadNotFoundError,
)
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

# A session is kept for so long behind its last sign of life, and its signed URLs hold as long.
LEASE = timedelta(hours=1)


def begin_session(
    transaction: Transaction, upload_id: UUID, model: str, files: Sequence[WantedFile]
) -> UploadSession:
    """Begin an upload; what it lists is not collected while it lasts."""
    sizes = {file.digest: file.size for file in files}
    values = {"digests": [*sizes], "sizes": [*sizes.values()]}
    transaction.execute(
        SQL["begin_session"], {**values, "upload_id": upload_id, "model": model, "lease": LEASE}
    )
    # What is being collected at this moment is either passed by, or not live any more.
    transaction.execute(SQL["lock_blobs"], values)
    return session(transaction, upload_id, model)


def session(transaction: Transaction, upload_id: UUID, model: str) -> UploadSession:
    """Return an upload of a model, and keep it for longer.

    Raises:
        UploadNotFoundError: None of that id is under way for the model.
    """
    values = {"upload_id": upload_id, "model": model, "lease": LEASE}
    kept = transaction.execute(SQL["keep_session"], values)
    listed = transaction.execute(SQL["session_files"], values)
    row = kept.fetchone()
    if row is None:
        raise UploadNotFoundError(
            f"no such upload is under way for {model}",
            field="upload_id",
            value=str(upload_id),
            remedy="Begin a new one; what was registered is there already",
        )
    return UploadSession(**row, files=tuple(UploadFile(**file) for file in listed.fetchall()))


def received_files(transaction: Transaction, upload_id: UUID, model: str) -> frozenset[Digest]:
    """Return the files that an upload brought; none where it is not under way for the model."""
    values = {"upload_id": upload_id, "model": model}
    rows = transaction.execute(SQL["received_files"], values).fetchall()
    return frozenset(row["digest"] for row in rows)


def end_session(transaction: Transaction, upload_id: UUID, model: str) -> None:
    """End an upload; one that is not there has ended."""
    transaction.execute(SQL["end_session"], {"upload_id": upload_id, "model": model})


def with_urls(database: Database, store: ObjectStore, found: UploadSession) -> UploadSession:
    """Say where to put the files that are missing, where the store lets others write."""
    keys = [_staged_key(found.upload_id, file.digest) for file in found.missing]
    if not keys:
        return found
    try:
        signed = store.sign(keys, LEASE, "PUT")
    except UnsupportedByStoreError:
        return found
    # Before anybody knows the URLs.
    database.transaction(lambda tx: tx.execute(SQL["note_staged"], {"keys": keys, "lease": LEASE}))
    urls = dict(zip([file.digest for file in found.missing], signed, strict=True))
    files = tuple(file.model_copy(update={"url": urls.get(file.digest)}) for file in found.files)
    return found.model_copy(update={"files": files})


def keep_received(
    database: Database, store: ObjectStore, upload_id: UUID, file: WantedFile, received: Path
) -> None:
    """Bring a file that was sent to us, and hashed meanwhile, into the store.

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
        lambda _: BlobSource(file.blob, put),
        lambda transaction: note_received(transaction, upload_id, file.digest),
    )


def require_content(file: WantedFile, received: Blob) -> None:
    """Refuse what was received for a file and is not it.

    Raises:
        InvalidArtifactError: It is more or less, or has another digest.
    """
    size, digest = received.size, received.digest
    if size != file.size:
        raise InvalidArtifactError(
            f"the file has {file.size} bytes, as the upload says",
            field="body",
            value=f"{size} bytes or more" if size > file.size else f"{size} bytes",
            remedy="Send the file whole",
        )
    if digest != file.digest:
        raise InvalidArtifactError(
            "the bytes are not those of the digest",
            field="digest",
            value=digest,
            remedy="Send the file of this digest",
        )


def fetch_staged(database: Database, store: ObjectStore, upload_id: UUID, file: WantedFile) -> None:
    """Take over a file that was put by its signed URL; where there is none it stays missing.

    Raises:
        InvalidArtifactError: What lies there are other bytes.
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
        upload_blob(database, store, lambda _: BlobSource(file.blob, put), lambda _: None)
    except CorruptionError as error:
        raise _other_bytes(file) from error
    if not hashed and _digest_of_staged(store, staged) != file.digest:
        raise _other_bytes(file)  # the registry had them, and whoever put these has not
    database.transaction(lambda transaction: note_received(transaction, upload_id, file.digest))


def _digest_of_staged(store: ObjectStore, staged: str) -> Digest:
    sha256 = hashlib.sha256()
    for piece in store.stream(staged):
        sha256.update(piece)
    return f"sha256:{sha256.hexdigest()}"


def note_received(transaction: Transaction, upload_id: UUID, digest: Digest) -> None:
    """Note that an upload brought a file, which is live."""
    transaction.execute(SQL["note_received"], {"upload_id": upload_id, "digest": digest})


def _staged_key(upload_id: UUID, digest: Digest) -> str:
    return f"{staging_key(upload_id)}/{digest.removeprefix('sha256:')}"


def _other_bytes(file: WantedFile) -> InvalidArtifactError:
    return InvalidArtifactError(
        "other bytes were uploaded than those of the digest",
        field="digest",
        value=file.digest,
        remedy="Upload the file again",
    )
