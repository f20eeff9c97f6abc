"""Rows of blobs, uploads and artifacts ↔ records."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from pedigree.artifacts.records import Blob, Digest, Manifest, digest_of
from pedigree.errors import CorruptionError, NotFoundError, PedigreeError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction

SQL = load_queries(__package__)

T = TypeVar("T")

# How often bytes may be collected between the lookup and the reference to them.
_TRIES = 10


class BlobCollectedError(PedigreeError):
    """Bytes that were live at the publication were collected since: publish them again.

    Private: the caller that seals a publication handles it by publishing again.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            "bytes of the artifact were removed during the registration",
            value=what,
            remedy="Register it again",
        )


def retry_if_collected(work: Callable[[], T]) -> T:
    """Do some work, and retry if bytes that it needs were collected in the meantime.

    Raises:
        BlobVanishedError: Every retry failed.
    """
    for _ in range(_TRIES - 1):
        with suppress(BlobCollectedError):
            return work()
    return work()


class StoredBlob(NamedTuple):
    """A blob and the key of its object."""

    blob: Blob
    key: str


class Claim(NamedTuple):
    """What the database knows when an upload announces its digests."""

    live: tuple[StoredBlob, ...]
    """The announced blobs that are live already."""
    others: tuple[StoredBlob, ...]
    """A few live blobs; none if there is no live blob at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedArtifact:
    """An artifact whose bytes are stored, but which is not sealed yet."""

    manifest: Manifest
    upload_id: UUID | None
    """The row in ``pedigree.upload``; None if all the bytes were live already."""
    stored: tuple[StoredBlob, ...]
    """The objects that this upload stored."""


def seal(transaction: Transaction, publication: StagedArtifact) -> dict[Digest, int]:
    """Turn a publication into an artifact, in the transaction that refers to it.

    Its blobs become live, and are locked against removal until the transaction ends, in the order
    of their digests. Sealing an existing artifact only locks it, and restores a collected one.

    Returns:
        The sizes of its blobs.

    Raises:
        BlobVanishedError: Some of its bytes are no longer live; publish it again.
    """
    manifest = publication.manifest
    if publication.upload_id:
        close_upload(transaction, publication.upload_id, publication.stored)
    sizes = lock_blobs(transaction, {file.digest for file in manifest.files})
    artifact = {
        "digest": manifest.digest,
        "manifest": manifest.canonical,
        "size": manifest.size,
        "paths": [file.path for file in manifest.files],
        "digests": [file.digest for file in manifest.files],
    }
    for query in ("insert_artifact", "lock_artifact", "insert_artifact_files"):
        transaction.execute(SQL[query], artifact)
    return sizes


def lock_blobs(transaction: Transaction, digests: Collection[Digest]) -> dict[Digest, int]:
    """Lock live blobs against removal until the transaction ends, and return their sizes.

    Raises:
        BlobVanishedError: One of them is not live.
    """
    rows = transaction.execute(SQL["lock_blobs"], {"digests": list(digests)}).fetchall()
    sizes: dict[Digest, int] = {row["digest"]: row["size"] for row in rows}
    gone = set(digests) - sizes.keys()
    if gone:
        raise BlobCollectedError(min(gone))
    return sizes


def live_blobs(transaction: Transaction, digests: Collection[Digest]) -> list[StoredBlob]:
    """Return the live ones of some blobs, without a lock."""
    rows = transaction.execute(SQL["live_blobs"], {"digests": list(digests)})
    return [stored_blob(row) for row in rows]


def close_upload(transaction: Transaction, upload_id: UUID, stored: Sequence[StoredBlob]) -> None:
    """Make blobs live under keys of an upload or a block, unless that was given up.

    If another upload of the same bytes was faster, its object stays.
    """
    transaction.execute(
        SQL["close_upload"],
        {
            "upload_id": upload_id,
            "digests": [each.blob.digest for each in stored],
            "sizes": [each.blob.size for each in stored],
            "keys": [each.key for each in stored],
        },
    )


def manifest_question(digest: Digest) -> Question:
    """Return what :func:`get_manifest` asks."""
    return Question(SQL["get_manifest"], {"digest": digest})


def get_manifest(transaction: Transaction, digest: Digest) -> Manifest:
    """Return an artifact's manifest.

    Raises:
        NotFoundError: No artifact has the digest.
        CorruptionError: The stored manifest does not have the digest.
    """
    asked = manifest_question(digest)
    row = transaction.execute(asked.query, asked.params).fetchone()
    if row is None:
        raise NotFoundError(
            "no artifact has this digest",
            field="digest",
            value=digest,
            remedy="Check the versions of the model",
        )
    content = bytes(row["manifest"])
    if digest_of(content) != digest:
        raise CorruptionError(
            "the manifest in the database does not have this digest",
            field="digest",
            value=digest,
            remedy="Restore the table pedigree.artifact from a backup",
        )
    return Manifest.model_validate_json(content)


def locate(transaction: Transaction, digests: Collection[Digest]) -> dict[Digest, str]:
    """Return the keys of the objects with these digests.

    Raises:
        CorruptionError: One of them is not live.
    """
    rows = transaction.execute(SQL["locate"], {"digests": list(digests)})
    keys: dict[Digest, str] = {row["digest"]: row["key"] for row in rows}
    for digest in digests:
        if digest not in keys:
            raise CorruptionError(
                "no live object has these bytes",
                field="digest",
                value=digest,
                remedy="Publish them again, or restore the database from a backup",
            )
    return keys


def open_upload(
    transaction: Transaction, upload_id: UUID, digests: Sequence[Digest], lease: timedelta
) -> None:
    """Announce an upload of these digests, which may be empty if they are not known yet."""
    transaction.execute(
        SQL["open_upload"], {"upload_id": upload_id, "digests": list(digests), "lease": lease}
    )


def claim_digests(
    transaction: Transaction, upload_id: UUID, digests: Sequence[Digest], lease: timedelta
) -> Claim:
    """Return the live blobs; announce the upload of the others, if there are any."""
    rows = transaction.execute(
        SQL["claim_digests"],
        {"upload_id": upload_id, "digests": list(digests), "lease": lease},
    ).fetchall()
    return Claim(
        live=tuple(stored_blob(row) for row in rows if row["wanted"]),
        others=tuple(stored_blob(row) for row in rows if not row["wanted"]),
    )


def stored_blob(row: Row) -> StoredBlob:
    """Return the blob of a row."""
    return StoredBlob(Blob(row["digest"], row["size"]), row["key"])


def some_blobs(transaction: Transaction) -> tuple[StoredBlob, ...]:
    """Return a few live blobs; none if there is no live blob at all."""
    return tuple(map(stored_blob, transaction.execute(SQL["some_blobs"]).fetchall()))


def renew_lease(transaction: Transaction, upload_id: UUID, lease: timedelta) -> bool:
    """Extend an upload's lease; False if the upload was swept."""
    cursor = transaction.execute(SQL["renew_lease"], {"upload_id": upload_id, "lease": lease})
    return cursor.rowcount == 1
