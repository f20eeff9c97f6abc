"""File locks that the kernel drops when their process dies, also by ``kill -9``.

A lock belongs to an *open file*, not to a process: a forked child shares the locks of its parent,
and they last until both have closed the file. So nothing here ever unlocks explicitly (that would
take the lock from the other as well); closing is enough. Locks do not pass through ``exec``.
"""

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
    """Open a lock's file, not yet locked; the caller closes the descriptor.

    Raises:
        OSError: The folder does not exist or may not be written.
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
    """Wait for a lock and return its descriptor; closing it gives the lock back.

    Raises:
        EmbeddedPostgresError: Another process held it for `timeout_s` seconds.
        OSError: The folder does not exist or may not be written.
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
                remedy=f"See what it does: {describe(holders(path))}",
            )
        time.sleep(POLL_S)


@contextmanager
def exclusive(path: Path, *, timeout_s: float) -> Iterator[int]:
    """Hold a lock alone for the length of a block, and give its descriptor.

    Raises:
        EmbeddedPostgresError: Another process held it for `timeout_s` seconds.
    """
    descriptor = acquire(path, timeout_s=timeout_s)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_current(descriptor: int, path: Path) -> bool:
    """Whether the path still names the open file; a folder that was reset has another one."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Whether any process holds the lock alone."""
    return _refuses(path, shared=True)


def is_used(path: Path) -> bool:
    """Whether any process holds the lock, alone or shared with others."""
    return _refuses(path, shared=False)


def _refuses(path: Path, *, shared: bool) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, shared=shared)
    finally:
        os.close(descriptor)


def holders(path: Path) -> tuple[int, ...]:
    """Return the processes that took the lock, by id; empty where the system does not tell.

    Only Linux tells, and of processes that share one lock by fork only the first.
    """
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return ()
    # "1: FLOCK  ADVISORY  READ 123 fe:00:4711 0 EOF"; a waiting process has "->" after the number.
    rows = (line.split() for line in lines if " FLOCK " in line and "->" not in line)
    return tuple(sorted({int(row[4]) for row in rows if row[5].endswith(f":{inode}")} - {0}))
