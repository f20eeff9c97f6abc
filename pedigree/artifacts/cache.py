"""A local cache of the store's bytes: by digest, bounded, shared by any number of processes.

``blobs/<hex>`` are complete files, ``partial/<hex>`` incomplete ones, and ``artifacts/<hex>/``
folders whose files are hard links to blobs. Every use hashes the bytes, so neither a crash nor an
edit yields wrong bytes. The whole cache can be deleted at any time.

Listing the cache takes as long as it has entries. So an operation of any number of files trims it
once, after it, and in between only after an eighth of the limit.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from pedigree.artifacts._eviction import evict
from pedigree.artifacts._partial import Source, completed, has_digest, is_named, read_from
from pedigree.artifacts.records import Digest
from pedigree.errors import CacheUnavailableError

# How often other processes may replace and evict the same blob between its opening and its
# linking here.
_TRIES = 10

# An operation trims the cache each time that it added this part of the limit.
_PARTS = 8


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
        self._grown = 0  # bytes since the last trim

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

        return cached

    def link(self, digest: Digest, size: int, source: Source, name: str, folder: int) -> None:
        """Link a blob into an open folder, after fetching it if necessary.

        Raises:
            OSError: The cache cannot be written.
        """
        # A separate link first: rename then replaces a wrong file.
        second = self._folder / "partial" / f"link-{uuid4().hex}"
        for last in (False,) * _TRIES + (True,):
            descriptor = self._open(digest, size, source)
            try:
                self._link_or_copy(digest, descriptor, second)
                os.rename(second, name, dst_dir_fd=folder)
                return
            except FileNotFoundError:
                if last:
                    raise
            finally:
                os.close(descriptor)

    def _link_or_copy(self, digest: Digest, descriptor: int, second: Path) -> None:
        second.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self._blob(digest), second)
        except PermissionError:  # another user's file (fs.protected_hardlinks), or no hard links
            os.lseek(descriptor, 0, os.SEEK_SET)
            with second.open("xb") as copy:
                copy.writelines(read_from(descriptor))
                os.fchmod(copy.fileno(), 0o444)

    @contextmanager
    def artifact(self, digest: Digest) -> Iterator[Path]:
        """Yield the folder of an artifact's files; it is not evicted before the context ends.

        Raises:
            CacheUnavailableError: The cache cannot be written.
        """
        folder = self._artifact(digest)
        with self.failures():
            lock = _hold(_lock_of(folder))
        try:
            with self.failures():
                folder.mkdir(exist_ok=True)
            _touch(lock)
            yield folder
        finally:
            os.close(lock)  # first, so that the trim may evict this folder
            self._end_operation()

    def hold(self, digest: Digest) -> None:
        """Protect the folder of an artifact from eviction until :meth:`release`.

        Raises:
            CacheUnavailableError: The cache cannot be written.
        """
        with self._guard, self.failures():
            if digest not in self._held:
                self._held[digest] = _hold(_lock_of(self._artifact(digest)))

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Convert errors of the operating system to errors of the cache."""
        try:
            yield
        except OSError as error:
            raise CacheUnavailableError(
                f"the cache cannot be used: {error.strerror or type(error).__name__}",
                field="PEDIGREE_HOME",
                value=str(self._folder),
                remedy="Free space on its disk or make it writable, or set PEDIGREE_HOME to"
                " another folder",
            ) from error

    def release(self) -> None:
        """Release the protected folders."""
        with self._guard:
            while self._held:
                os.close(self._held.popitem()[1])

    @contextmanager
    def trimmed(self) -> Iterator[None]:
        """Trim the cache after an operation that may have added files."""
        try:
            yield
        finally:
            self._end_operation()

    def _end_operation(self) -> None:
        """Trim if something was added."""
        with self._guard:
            has_grown = self._grown > 0
        if has_grown:
            self.trim()

    def _trim_within(self) -> None:
        """Trim if a large part of the limit was added; the operation may go on."""
        with self._guard:
            is_due = self._grown > self._limit // _PARTS
        if is_due:
            self.trim()
            with self._guard:
                self._grown += 1  # what is in use now can be evicted at the end

    def trim(self) -> None:
        """Remove the least recently used entries until the rest is within the limit.

        If another process trims, nothing waits for it, since it may be stopped.
        """
        # In a folder that is not writable, there is nothing to remove.
        with suppress(OSError), (self._folder / "trim.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self._guard:
                self._grown = 0
            evict(self._folder, self._limit)

    def _open(self, digest: Digest, size: int, source: Source) -> int:
        """Open a verified blob, after fetching it if necessary; no trim evicts an open one."""
        while True:
            found = self._open_right(digest)
            if found is None:
                found = self._bring(digest, size, source)
            if found is not None:
                return found

    def _open_right(self, digest: Digest) -> int | None:
        path = self._blob(digest)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        if self._is_held(descriptor, digest):
            if has_digest(descriptor, digest):
                _touch(descriptor)
                return descriptor
            path.unlink(missing_ok=True)
        os.close(descriptor)
        return None

    def _is_held(self, descriptor: int, digest: Digest) -> bool:
        """Protect an open blob from eviction; False if it is being evicted, or was."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return is_named(descriptor, str(self._blob(digest)))

    def _bring(self, digest: Digest, size: int, source: Source) -> int | None:
        """Fetch a blob and return it open; None if another process evicted it already."""
        for name in ("blobs", "partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        folder = os.open(self._folder / "partial", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with completed(folder, digest, size, digest, source) as (partial, descriptor):
                os.fchmod(descriptor, 0o444)
                os.rename(partial, self._blob(digest), src_dir_fd=folder)
                found = os.dup(descriptor)  # its bytes were hashed on the way
        finally:
            os.close(folder)
        with self._guard:
            self._grown += max(size, 1)
        if self._is_held(found, digest):
            self._trim_within()
            return found
        os.close(found)
        return None

    def _artifact(self, digest: Digest) -> Path:
        return self._folder / "artifacts" / _hexadecimal(digest)

    def _blob(self, digest: Digest) -> Path:
        return self._folder / "blobs" / _hexadecimal(digest)


def _hexadecimal(digest: Digest) -> str:
    return digest.removeprefix("sha256:")


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _touch(descriptor: int) -> None:
    """Mark a file as used now, if it is this user's and the file system is writable."""
    with suppress(OSError):
        os.utime(descriptor)


def _opened_lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        try:  # another user's, who may share it
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise error from None


def _hold(path: Path) -> int:
    """Open a lock file with a shared lock until it is closed or the process dies."""
    while True:
        descriptor = _opened_lock(path)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if is_named(descriptor, str(path)):
            return descriptor
        os.close(descriptor)
