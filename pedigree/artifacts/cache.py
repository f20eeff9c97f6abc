"""Bytes of the store kept on this machine: by digest, bounded, shared by any number of processes.

``blobs/<hex>`` are whole files, ``partial/<hex>`` those that are on their way, and
``artifacts/<hex>/`` folders whose files are second names of blobs. Every use hashes what it uses,
so neither a crash nor an edit makes wrong bytes; nothing here is ever needed to be there.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from pedigree.artifacts._partial import Source, completed, has_digest, is_named, read_from
from pedigree.artifacts.records import Digest

# How often another process may put the same bytes under the blob's name, and a third evict them,
# between our opening the blob and our naming it.
_TRIES = 10


class _Entry(NamedTuple):
    used: float
    size: int
    path: Path
    remove: Callable[[Path], bool]


class BlobCache:
    """A folder of blobs, of which the longest unused ones go when there are too many bytes.

    Args:
        folder: Made at the first use.
        limit: How many bytes may stay. What is in use stays also beyond that.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._held: dict[Digest, int] = {}
        self._guard = threading.Lock()

    def may_hold(self, size: int) -> bool:
        """Say whether a blob is small enough not to displace everything else."""
        return size <= self._limit // 2

    def source(self, digest: Digest, size: int, source: Source) -> Source:
        """Return a source that reads the cached blob, and brings it from the other one before."""

        def cached(start: int) -> Iterator[bytes]:
            try:
                descriptor = self._open(digest, size, source)
            except OSError:  # the cache's disk is full, or not ours to write
                yield from source(start)
                return
            try:
                os.lseek(descriptor, start, os.SEEK_SET)
                yield from read_from(descriptor)
            finally:
                os.close(descriptor)
                self.trim()

        return cached

    def link(self, digest: Digest, size: int, source: Source, name: str, folder: int) -> None:
        """Give a blob a second name in an open folder, brought from the source if need be."""
        # A link of its own first: rename puts it in the place of a file that is wrong.
        second = self._folder / "partial" / f"link-{uuid4().hex}"
        for last in (False,) * _TRIES + (True,):
            descriptor = self._open(digest, size, source)
            try:
                os.link(self._blob(digest), second)
                os.rename(second, name, dst_dir_fd=folder)
                break
            except FileNotFoundError:
                if last:
                    raise
            finally:
                os.close(descriptor)
        self.trim()

    @contextmanager
    def artifact(self, digest: Digest) -> Iterator[Path]:
        """Give the folder of an artifact's files; it is not evicted before the context ends."""
        folder = self._folder / "artifacts" / _hexadecimal(digest)
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = _hold(folder.with_name(f"{folder.name}.lock"))
        try:
            folder.mkdir(exist_ok=True)
            os.utime(lock)
            yield folder
        finally:
            os.close(lock)
            self.trim()

    def hold(self, digest: Digest) -> None:
        """Keep the folder of an artifact from being evicted until :meth:`release`."""
        with self._guard:
            if digest not in self._held:
                folder = self._folder / "artifacts" / _hexadecimal(digest)
                self._held[digest] = _hold(folder.with_name(f"{folder.name}.lock"))

    def release(self) -> None:
        """Let go of what is held."""
        with self._guard:
            while self._held:
                os.close(self._held.popitem()[1])

    def trim(self) -> None:
        """Remove the longest unused entries until what is left is within the limit."""
        # Where the folder may not be written, there is nothing of ours to remove.
        with suppress(OSError), (self._folder / "trim.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Blobs can go when the folders that name them are gone, so there may be more rounds.
            while (entries := self._entries()) and self._evict(entries):
                pass

    def _evict(self, entries: list[_Entry]) -> bool:
        """Go through the entries from the longest unused; say whether another round may help."""
        excess = sum(entry.size for entry in entries) - self._limit
        removed = False
        for entry in sorted(entries, key=lambda entry: entry.used):
            if excess <= 0:
                return False
            if entry.remove(entry.path):
                excess, removed = excess - entry.size, True
        return removed

    def _entries(self) -> list[_Entry]:
        return [
            *_listed(self._folder / "blobs", "", _remove_blob),
            *_listed(self._folder / "partial", "", _remove_partial),
            *_listed(self._folder / "artifacts", ".lock", _remove_artifact),
        ]

    def _open(self, digest: Digest, size: int, source: Source) -> int:
        """Open a blob whose bytes are right, brought if need be; no trim takes an open one."""
        for name in ("blobs", "partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        while (found := self._open_right(digest)) is None:
            self._bring(digest, size, source)
        return found

    def _open_right(self, digest: Digest) -> int | None:
        path = self._blob(digest)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if is_named(descriptor, str(path)):
            if has_digest(descriptor, digest):
                os.utime(descriptor)
                return descriptor
            path.unlink(missing_ok=True)
        os.close(descriptor)
        return None

    def _bring(self, digest: Digest, size: int, source: Source) -> None:
        folder = os.open(self._folder / "partial", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with completed(folder, digest, size, digest, source) as (partial, descriptor):
                os.rename(partial, self._blob(digest), src_dir_fd=folder)
                os.fchmod(descriptor, 0o444)
        finally:
            os.close(folder)

    def _blob(self, digest: Digest) -> Path:
        return self._folder / "blobs" / _hexadecimal(digest)


def _hexadecimal(digest: Digest) -> str:
    return digest.removeprefix("sha256:")


def _hold(path: Path) -> int:
    """Open a lock file and share its lock until it is closed, also by the process's death."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if is_named(descriptor, str(path)):
            return descriptor
        os.close(descriptor)


def _listed(folder: Path, suffix: str, remove: Callable[[Path], bool]) -> list[_Entry]:
    found = []
    for path in folder.glob(f"*{suffix}") if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            status = path.stat()
            if path.is_file():
                found.append(_Entry(status.st_mtime, status.st_size, path, remove))
    return found


def _remove_blob(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return path.stat().st_nlink == 1 and _unless_locked(path, path.unlink)
    return False


def _remove_partial(path: Path) -> bool:
    return _unless_locked(path, path.unlink)


def _remove_artifact(lock: Path) -> bool:
    def remove() -> None:
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink()

    return _unless_locked(lock, remove)


def _unless_locked(path: Path, remove: Callable[[], None]) -> bool:
    with suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_named(file.fileno(), str(path)):
            remove()
            return True
    return False
