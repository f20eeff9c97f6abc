"""Incomplete files: stored by digest, so that the next attempt resumes them."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias
from uuid import uuid4

from pedigree.artifacts._verified import require_digest
from pedigree.artifacts.records import Digest
from pedigree.errors import CorruptionError

_CHUNK = 1 << 20

Source: TypeAlias = Callable[[int], Iterator[bytes]]
"""Yields an object's bytes from an offset."""


@contextmanager
def completed(
    folder: int, digest: Digest, size: int, name: str, source: Source
) -> Iterator[tuple[str, int]]:
    """Fetch and verify an object's bytes into a file of a private folder, and yield its name.

    Bytes of an earlier attempt are hashed and not fetched again. The caller renames the file to its
    place before the context ends. If the store fails, the file stays for the next attempt; if its
    bytes are wrong or cannot be written, it is removed.

    Args:
        folder: An open folder to which only this function writes.
        digest: The digest of the complete object.
        size: Its size in bytes.
        name: Its name in errors.
        source: The source of the bytes.

    Raises:
        CorruptionError: The source's bytes do not have the digest.
        OSError: The file cannot be written.
    """
    partial, descriptor = _open_locked(folder, digest.removeprefix("sha256:"))
    try:
        _fill(descriptor, digest, size, name, source)
        yield partial, descriptor
    except (CorruptionError, OSError):
        with suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def read_from(descriptor: int) -> Iterator[bytes]:
    """Yield the rest of an open file in chunks of a mebibyte."""
    while chunk := os.read(descriptor, _CHUNK):
        yield chunk


def has_digest(descriptor: int, digest: Digest) -> bool:
    """Read an open file from its start, and return whether it has the digest."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    sha256 = hashlib.sha256()
    for chunk in read_from(descriptor):
        sha256.update(chunk)
    return f"sha256:{sha256.hexdigest()}" == digest


def is_named(descriptor: int, name: str, folder: int | None = None) -> bool:
    """Return whether an open file or folder still has this name; it may have been removed."""
    try:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def _open_locked(folder: int, name: str) -> tuple[str, int]:
    """Open the file, locked until it is closed; a separate one if another process writes it."""
    wanted = name
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(wanted, flags, 0o666, dir_fd=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_named(descriptor, wanted, folder):
                return wanted, descriptor
        except BlockingIOError:
            wanted = f"{name}-{uuid4().hex}"
        os.close(descriptor)


def _fill(descriptor: int, digest: Digest, size: int, name: str, source: Source) -> None:
    sha256 = hashlib.sha256()
    have = 0
    for chunk in read_from(descriptor):
        sha256.update(chunk)
        have += len(chunk)
    found = _append(descriptor, have, size, sha256, source)
    if have and found != digest:  # the existing part may be wrong
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        found = _append(descriptor, 0, size, hashlib.sha256(), source)
    require_digest(found, digest, name)


def _append(
    descriptor: int, have: int, size: int, sha256: "hashlib._Hash", source: Source
) -> Digest:
    chunks = source(have) if have < size else iter(())
    for chunk in chunks:
        sha256.update(chunk)
        _write(descriptor, memoryview(chunk))
        have += len(chunk)
        if have > size:  # it is not the object, and the stream may never end
            break
    return f"sha256:{sha256.hexdigest()}"


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
