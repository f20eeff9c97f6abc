"""Object stores: one contract for a local folder and for S3, Google and Azure storage.

A store does not use Postgres or the meaning of digests: it writes each key once, durably, returns
its bytes, and removes it. The tables ``blob``, ``upload`` and ``orphan`` define which keys are
valid.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Literal, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit
from uuid import UUID

from pedigree import tracing
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.options import StoreOptions
from pedigree.artifacts.paths import SourceFile
from pedigree.artifacts.records import Blob, Digest, Tier
from pedigree.errors import InvalidInputError
from pedigree.settings import redact_url

SignedMethod: TypeAlias = Literal["GET", "PUT"]

OBJECTS = "blobs/"
"""The prefix of the keys of all blobs."""
_SHARDS = f"{OBJECTS}small"
_REMOTE_SCHEMES = ("s3", "gs", "az", "abfss")


class Intake(Protocol):
    """The intake of one upload's files: each is taken once, and kept if it is missing."""

    writes_early: bool
    """Whether ``take`` already writes to the store, so the upload must be announced first."""
    reads_again: bool
    """Whether ``keep`` reads the file a second time."""

    def take(self, source: SourceFile) -> Blob:
        """Read the file and hash it."""

    def keep(self, source: SourceFile, digest: Digest, key: str) -> None:
        """Put the taken bytes under the key; durable on return."""

    def close(self) -> None:
        """Release what was taken and not kept. Called once, also after a failure."""


class ReadableStore(Protocol):
    """A place that objects are read from.

    Every method raises :class:`StoreUnavailableError` if the store fails.
    """

    is_local: bool
    """Whether a second read costs no network, so that nothing is cached."""

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield an object's bytes in chunks, from an offset before its end.

        Raises:
            CorruptionError: There is no such object.
            ObjectArchivedError: It must be restored from its storage class first.
        """


class ObjectStore(ReadableStore, Protocol):
    """A place for objects, each under a key that is written once."""

    @property
    def url(self) -> str:
        """The URL of the store, without secrets."""

    def intake(self, upload_id: UUID) -> Intake:
        """Start the intake of one upload's files."""

    def put(self, key: str, content: bytes) -> None:
        """Put some bytes in memory under a key; durable on return."""

    def create(self, key: str, content: bytes) -> bool:
        """Put some bytes under a key that has no object; durable on return.

        A server may ignore the condition, so a caller that depends on it reads the object again.

        Returns:
            False if there is an object, which stays as it is.
        """

    def copy(self, source_key: str, target_key: str, tier: Tier, *, digest: Digest) -> None:
        """Put an object's bytes under a new key in a tier; durable on return.

        Raises:
            CorruptionError: There is no such object, or its bytes do not have the digest.
            ObjectArchivedError: It must be restored from its storage class first.
        """

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes; None if there is no object."""

    def keys(self, prefix: str, *, limit: int) -> list[str]:
        """Return some keys of objects below a prefix that ends with ``/``, in any order."""

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the key and the size of each object below a prefix that ends with ``/``.

        They come in the order of their keys if the store lists them so. An object that is added or
        removed in the meantime may be missing or not.
        """

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects and the contents of staging keys; absent ones are ignored."""

    def sign(
        self, keys: Sequence[str], expires: timedelta, method: SignedMethod = "GET"
    ) -> tuple[str, ...]:
        """Return URLs that let anybody read (or write) these objects until they expire.

        Raises:
            UnsupportedByStoreError: This kind of store has no such URLs.
        """

    def location(self, key: str) -> str:
        """Return the location of the object for people: a path, or a URL."""


def blob_key(digest: Digest, upload_id: UUID) -> str:
    """Return the key under which one upload writes the bytes of one digest."""
    hexadecimal = digest.removeprefix("sha256:")
    return f"{OBJECTS}sha256/{hexadecimal[:2]}/{hexadecimal}/{upload_id}"


def block_key(block_id: UUID, number: int) -> str:
    """Return a key of a block: in one of 256 folders that stay, so that no other is synced."""
    return f"{_SHARDS}/{block_id.hex[:2]}/{block_id}-{number}"


def is_shard(folder: PurePath) -> bool:
    """Return whether a folder, relative to the store, stays when it becomes empty."""
    return folder.parent == PurePath(_SHARDS)


def staging_key(upload_id: UUID) -> str:
    """Return the key of the folder for an upload's bytes that have no digest yet."""
    return f"uploads/{upload_id}"


def open_store(
    url: str | None,
    home: Path,
    credentials: StoreCredentials | None = None,
    options: StoreOptions | None = None,
) -> ObjectStore:
    """Open the store at a URL; the folder ``objects`` in the home folder without a URL.

    Nothing is read or written yet. If no credentials are given, they come from the environment
    (``AWS_*``, ``GOOGLE_*``, ``AZURE_*``).

    Args:
        url: ``file:///folder``, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or
            ``az://container/prefix``; also ``abfss://``, which names the account.
        home: The folder of the embedded parts.
        credentials: For S3 only.
        options: Encryption and storage classes of written objects; a folder has none.

    Raises:
        InvalidInputError: The URL names no supported store, or the store cannot encrypt as the
            options require.
        StoreUnavailableError: The store's settings contradict each other.
    """
    store = _opened(url, home, credentials or StoreCredentials(), options or StoreOptions())
    if not tracing.is_on():
        return store
    from pedigree.artifacts._traced import TracedStore  # noqa: PLC0415 - only if traces are on

    return TracedStore(store)


def _opened(
    url: str | None, home: Path, credentials: StoreCredentials, options: StoreOptions
) -> ObjectStore:
    from pedigree.artifacts._local import LocalStore  # noqa: PLC0415 - it imports this module

    if folder := _folder_of(url, home):
        _require_no_encryption(options)
        return LocalStore(folder)
    parts = urlsplit(url or "")
    if parts.scheme in _REMOTE_SCHEMES and parts.netloc:
        from pedigree.artifacts._remote import open_remote  # noqa: PLC0415 - it loads obstore

        return open_remote(parts.geturl(), credentials, options)
    raise InvalidInputError(
        "this is not the URL of an object store",
        field="store_url",
        value=redact_url(url or ""),
        remedy="Use s3://bucket/prefix or file:///folder (also gs:// and az://)",
    )


def _folder_of(url: str | None, home: Path) -> Path | None:
    if url is None:
        return home / "objects"
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path != "/":
        return Path(unquote(parts.path))
    return None


def _require_no_encryption(options: StoreOptions) -> None:
    if options.encryption:
        raise InvalidInputError(
            "a folder cannot encrypt its files",
            field="PEDIGREE_STORE_SSE",
            value=options.encryption,
            remedy="Unset it and use an encrypted disk, or name an s3:// store",
        )
