"""Rows of blobs, uploads and artifacts ↔ records."""

from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from pedigree.artifacts.records import Digest, Manifest
from pedigree.errors import CorruptionError, UnavailableError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

SQL = load_queries(__package__)

# An upload that shows no sign of life for so long was left by a crash.
LEASE = "1 day"


class StoredBlob(NamedTuple):
    """Bytes that an upload put under a key of its own."""

    digest: Digest
    size: int
    key: str


class Publication(NamedTuple):
    """An artifact whose bytes are in the store and whose rows are not written yet."""

    manifest: Manifest
    upload_id: UUID
    stored: tuple[StoredBlob, ...]


class BlobVanishedError(UnavailableError):
    """Bytes that were live are being removed, or the upload was swept: publish again."""

    def __init__(self) -> None:
        super().__init__(
            "the artifact's bytes were collected while they were registered",
            remedy="Register again",
        )


def seal(transaction: Transaction, publication: Publication) -> None:
    """Make an upload's blobs live and write the artifact, in the registering transaction.

    Raises:
        BlobVanishedError: A blob is being removed, or the upload was swept; publish again.
    """
    manifest = publication.manifest
    digests = sorted({file.digest for file in manifest.files})
    close_upload(transaction, publication.upload_id, publication.stored)
    locked = transaction.execute(SQL["lock_blobs"], {"digests": digests}).fetchall()
    if len(locked) != len(digests):
        raise BlobVanishedError
    written = transaction.execute(
        SQL["insert_artifact"],
        {
            "digest": manifest.digest,
            "manifest": manifest.canonical,
            "size": manifest.size,
            "paths": [file.path for file in manifest.files],
            "digests": [file.digest for file in manifest.files],
        },
    ).fetchall()
    if not written:
        transaction.execute(SQL["lock_artifact"], {"digest": manifest.digest})


def close_upload(transaction: Transaction, upload_id: UUID, stored: Iterable[StoredBlob]) -> None:
    """Make an upload's blobs live; where others were faster, ours become orphans."""
    blobs = list(stored)
    transaction.execute(
        SQL["close_upload"],
        {
            "upload_id": upload_id,
            "digests": [blob.digest for blob in blobs],
            "sizes": [blob.size for blob in blobs],
            "keys": [blob.key for blob in blobs],
        },
    )


def get_manifest(transaction: Transaction, digest: Digest) -> Manifest:
    """Return an artifact's manifest.

    Raises:
        CorruptionError: There is none, or it is not what its digest says.
    """
    row = transaction.execute(SQL["get_manifest"], {"digest": digest}).fetchone()
    manifest = Manifest.model_validate_json(row["manifest"]) if row else None
    if manifest is None or manifest.digest != digest:
        raise CorruptionError(
            f"the manifest of {digest} is not what its digest says, or is gone",
            remedy="Restore the database from a backup",
        )
    return manifest


def locate(transaction: Transaction, digests: Collection[Digest]) -> dict[Digest, str]:
    """Return the keys under which some digests lie; a digest that is not live is left out."""
    rows = transaction.execute(SQL["locate"], {"digests": sorted(digests)}).fetchall()
    return {row["digest"]: row["key"] for row in rows}
