"""A local cache of the store's bytes: by digest, bounded, shared by any number of processes.

``blobs/<hex>`` are complete files, ``partial/<hex>`` incomplete ones, and ``artifacts/<hex>/``
folders whose files are hard links to blobs. Every use hashes the bytes, so neither a crash nor an
edit yields wrong bytes. The whole cache can be deleted at any time.
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

# How often other processes may replace and evict the same blob between its opening and its
# linking here.
_TRIES = 10


class _Entry(NamedTuple):
    used: float
    size: int
    path: Path
    remove: Callable[[Path], bool]


class BlobCache:
    """A folder of blobs that evicts the least recently used ones above a limit.

    Args:
        folder: Created at the first use.
        limit: The size limit in bytes. Entries in use also stay beyond it.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._held: dict[Digest, int] = {}
        self._guard = threading.Lock()

    def may_hold(self, size: int) -> bool:
        """Return whether a blob is small enough not to displace everything else."""
        return size <= self._limit // 2

    def source(self, digest: Digest, size: int, source: Source) -> Source:
        """Return a source that reads the blob from the cache, after fetching it if necessary."""

        def cached(start: int) -> Iterator[bytes]:
            try:
                descriptor = self._open(digest, size, source)
            except OSError:  # the cache's disk is full or not writable
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
        """Link a blob into an open folder, after fetching it if necessary."""
        # A separate link first: rename then replaces a wrong file.
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
        """Yield the folder of an artifact's files; it is not evicted before the context ends."""
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
        """Protect the folder of an artifact from eviction until :meth:`release`."""
        with self._guard:
            if digest not in self._held:
                folder = self._folder / "artifacts" / _hexadecimal(digest)
                self._held[digest] = _hold(folder.with_name(f"{folder.name}.lock"))

    def release(self) -> None:
        """Release the protected folders."""
        with self._guard:
            while self._held:
                os.close(self._held.popitem()[1])

    def trim(self) -> None:
        """Remove the least recently used entries until the rest is within the limit."""
        # In a folder that is not writable, there is nothing to remove.
        with suppress(OSError), (self._folder / "trim.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Blobs can be evicted after the folders that link to them, so more rounds may help.
            while (entries := self._entries()) and self._evict(entries):
                pass

    def _evict(self, entries: list[_Entry]) -> bool:
        """Evict least recently used entries first; return whether another round may help."""
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
        """Open a verified blob, after fetching it if necessary; no trim evicts an open one."""
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
    """Open a lock file with a shared lock until it is closed or the process dies."""
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
