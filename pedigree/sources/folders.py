"""Folders into which sources are fetched: each is one process's, and is removed after it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_NAME = "fetched"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def fetching_folder(home: Path) -> Iterator[Path]:
    """Make an empty folder below the home folder, which nobody else may read or write."""
    root = home / _NAME
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = root / uuid4().hex
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder, _FOLDER)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_left_folders(home: Path) -> None:
    """Remove the folders of processes that were killed: no process holds their locks."""
    with suppress(OSError):  # there is no such folder yet, or another process removes it too
        for folder in (home / _NAME).iterdir():
            descriptor = os.open(folder, _FOLDER)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                pass
            finally:
                os.close(descriptor)
