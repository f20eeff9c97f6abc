"""The intake of remote stores: files are hashed first, and hashed again during the upload."""

import hashlib
from collections.abc import Iterator
from typing import Protocol

from pedigree.artifacts.paths import SourceFile
from pedigree.artifacts.records import Blob, Digest
from pedigree.errors import CorruptionError

_CHUNK = 1 << 20

# Parts of a multipart upload: at least 5 MiB by S3's rule, at most 10,000 of them. With four
# parallel parts of each of four files, at most some 100 MiB are in flight.
SMALLEST_PART = 5 << 20
_MOST_PARTS = 9_000


class _Uploads(Protocol):
    """The part of the store that the intake uses."""

    def put(self, key: str, content: bytes) -> None: ...

    def put_parts(self, key: str, chunks: Iterator[bytes], part_size: int) -> None: ...


def part_size_of(size: int) -> int:
    """Return the part size for an object of this size."""
    return max(SMALLEST_PART, -(-size // _MOST_PARTS))


class RemoteIntake:
    """Hashes files in place; uploads only the missing ones."""

    reads_again = True
    writes_early = False

    def __init__(self, store: _Uploads) -> None:
        self._store = store

    def take(self, source: SourceFile) -> Blob:
        """Hash the file."""
        return hashed(source)

    def keep(self, source: SourceFile, digest: Digest, key: str) -> None:
        """Upload the file; the last part is sent only if the digest is the same again."""
        if source.size <= SMALLEST_PART:
            self._store.put(key, b"".join(rehashed(source, digest, SMALLEST_PART + 1)))
        else:
            part_size = part_size_of(source.size)
            self._store.put_parts(key, rehashed(source, digest, part_size), part_size)

    def close(self) -> None:
        """Do nothing: the intake leaves no files."""


def hashed(source: SourceFile) -> Blob:
    """Read a file in constant memory, and return its digest and size."""
    sha256 = hashlib.sha256()
    size = 0
    buffer = memoryview(bytearray(_CHUNK))
    with source.reading() as reader:
        while count := reader.readinto(buffer):
            sha256.update(buffer[:count])
            size += count
    return Blob(f"sha256:{sha256.hexdigest()}", size)


def rehashed(source: SourceFile, digest: Digest, part_size: int) -> Iterator[bytes]:
    """Yield a file's bytes; raise at the end if they do not have the digest."""
    sha256 = hashlib.sha256()
    with source.reading() as reader:
        while chunk := reader.read(part_size):
            sha256.update(chunk)
            yield chunk
    if f"sha256:{sha256.hexdigest()}" != digest:
        raise CorruptionError(
            "the file had other bytes at the second read",
            field="path",
            value=source.path,
            remedy="Check for a failing disk, or for a program that writes to it",
        )
