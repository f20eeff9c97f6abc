"""Eviction from the cache: the least recently used entries that no process has open."""

import fcntl
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pedigree.artifacts._partial import is_named


class _Entry(NamedTuple):
    used: float
    size: int
    path: Path
    remove: Callable[[Path], bool]


def evict(cache: Path, limit: int) -> None:
    """Remove the least recently used entries of a cache until the rest is within the limit.

    The caller holds the lock of the cache's eviction.
    """
    # Blobs can be evicted after the folders that link to them, so more rounds may help.
    while (entries := _entries(cache)) and _evict(entries, limit):
        pass


def _evict(entries: list[_Entry], limit: int) -> bool:
    """Evict least recently used entries first; return whether another round may help."""
    excess = sum(entry.size for entry in entries) - limit
    removed = False
    for entry in sorted(entries, key=lambda entry: entry.used):
        if excess <= 0:
            return False
        if entry.remove(entry.path):
            excess, removed = excess - entry.size, True
    return removed


def _entries(cache: Path) -> list[_Entry]:
    return [
        *_listed(cache / "blobs", "", _remove_blob),
        *_listed(cache / "partial", "", _remove_partial),
        *_listed(cache / "artifacts", ".lock", _remove_artifact),
    ]


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
