"""File locks that the kernel releases when their process dies, also after ``kill -9``.

A lock belongs to an *open file*, not to a process: a forked child shares the locks of its parent,
which last until both have closed the file. So nothing here unlocks explicitly (which would unlock
for both); closing is enough. Locks do not survive ``exec``.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pedigree.errors import EmbeddedPostgresError
from pedigree.postgres._processes import describe

POLL_S = 0.02


def open_lock(path: Path) -> int:
    """Open a lock's file without locking it; the caller closes the descriptor.

    Raises:
        OSError: The folder does not exist or is not writable.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock without waiting; return whether it succeeded."""
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def acquire(path: Path, *, timeout_s: float, shared: bool = False) -> int:
    """Wait for a lock and return its descriptor; closing it releases the lock.

    Raises:
        EmbeddedPostgresError: Another process held it for `timeout_s` seconds.
        OSError: The folder does not exist or is not writable.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        descriptor = open_lock(path)
        if try_lock(descriptor, shared=shared) and is_current(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"another process has held the lock {path} for {timeout_s:.0f} s",
                remedy=f"Check what it does: {describe(holders(path))}",
            )
        time.sleep(POLL_S)


@contextmanager
def exclusive(path: Path, *, timeout_s: float) -> Iterator[int]:
    """Hold an exclusive lock during a block, and yield its descriptor.

    Raises:
        EmbeddedPostgresError: Another process held it for `timeout_s` seconds.
    """
    descriptor = acquire(path, timeout_s=timeout_s)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_current(descriptor: int, path: Path) -> bool:
    """Return whether the path still refers to the open file; it differs after a folder's reset."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock exclusively."""
    return _refuses(path, shared=True)


def is_used(path: Path) -> bool:
    """Return whether a process holds the lock, exclusively or shared."""
    return _refuses(path, shared=False)


def _refuses(path: Path, *, shared: bool) -> bool:
    try:
        descriptor = _open_existing(path)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, shared=shared)
    finally:
        os.close(descriptor)


def _open_existing(path: Path) -> int:
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, os.O_RDWR | flags)  # NFS needs it for an exclusive lock
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(path, os.O_RDONLY | flags)


def holders(path: Path) -> tuple[int, ...]:
    """Return the IDs of processes that hold the lock; empty if the system does not report them.

    Only Linux reports them; of processes that share a lock by fork it reports only the first.
    """
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return ()
    # "1: FLOCK  ADVISORY  READ 123 fe:00:4711 0 EOF"; a waiting process has "->" after the number.
    rows = (line.split() for line in lines if " FLOCK " in line and "->" not in line)
    return tuple(sorted({int(row[4]) for row in rows if row[5].endswith(f":{inode}")} - {0}))
