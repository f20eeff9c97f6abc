"""Files that survive a power failure: synced, linked to their names, in folders that are made."""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

# Large enough that system calls are cheap, small enough for the second-level cache.
CHUNK = 1 << 20

# How often another process may remove the folder that was just created, before it is an error.
_TRIES = 10

T = TypeVar("T")


def in_made_folder(folder: Path, act: Callable[[], T]) -> T:
    """Create the folder and act in it; retry if another process removed the empty folder."""
    for _ in range(_TRIES):
        # mkdir raises FileExistsError if another process removes the existing folder just after.
        with suppress(FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return act()
    return act()


def link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except PermissionError:
        # No hard links here (FAT, some network folders).
        with source.open("rb") as given, target.open("xb") as taken:
            shutil.copyfileobj(given, taken, CHUNK)
            taken.flush()
            sync(taken.fileno())


def sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder; Postgres ignores this, too.
        if error.errno not in (errno.EINVAL, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync leaves the bytes in the drive's cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)
