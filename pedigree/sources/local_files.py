"""The files of a source on the machine of the service, below a folder that a rule allows.

Each folder on the way is opened below the one before, and no link is followed. So nobody who may
write there can lead the service elsewhere, also not while it reads.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from pedigree.artifacts.path_rules import MOST_PARTS, too_deep
from pedigree.errors import InvalidSourceError, SourceUnavailableError
from pedigree.sources import refusals
from pedigree.sources.offered import OfferedFile

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO would wait for a writer without O_NONBLOCK.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20


class LocalTree:
    """A file or a folder below an allowed one, with an open descriptor of the latter.

    Args:
        source: The source, which the refusals name.
        root: The folder that the rule names.
        below: The path below it; empty for the folder itself.

    Raises:
        SourceUnavailableError: The folder cannot be opened.
    """

    def __init__(self, source: str, root: str, below: str) -> None:
        self._source = source
        self._below = [part for part in below.split("/") if part]
        try:
            self._root = os.open(root or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceUnavailableError(
                f"the allowed folder cannot be opened: {error.strerror}",
                remedy="Mount it at the service, and let the service read it",
            ) from error

    def close(self) -> None:
        """Close the folder."""
        os.close(self._root)

    def files(self) -> Iterator[OfferedFile]:
        """Yield the files, each of which is opened when its bytes are read.

        Raises:
            InvalidSourceError: There is a link, a device or another special file, or the path does
                not exist.
        """
        *folders, last = self._below or [""]
        with self._entered(folders) as parent:
            status = os.fstat(parent) if not last else self._status(parent, last)
        if stat.S_ISDIR(status.st_mode):
            yield from self._walk("")
        else:
            self._require_plain(status, last)
            yield OfferedFile(last, partial(self._chunks, folders, last))

    def _walk(self, prefix: str) -> Iterator[OfferedFile]:
        if prefix.count("/") >= MOST_PARTS:
            raise too_deep(prefix)
        inner = [part for part in prefix.split("/") if part]
        with self._entered([*self._below, *inner]) as folder:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - by descriptor
            listed = [(name, self._status(folder, name)) for name in names]
        for name, status in listed:
            if stat.S_ISDIR(status.st_mode):
                yield from self._walk(f"{prefix}{name}/")
            else:
                self._require_plain(status, f"{prefix}{name}")
                folders = [*self._below, *inner]
                yield OfferedFile(f"{prefix}{name}", partial(self._chunks, folders, name))

    def _chunks(self, folders: list[str], name: str) -> Iterator[bytes]:
        with self._entered(folders) as folder, self._failures(name):
            descriptor = os.open(name, _FILE, dir_fd=folder)
        with os.fdopen(descriptor, "rb", buffering=0) as opened:
            self._require_plain(os.fstat(descriptor), name)
            while chunk := opened.read(_CHUNK):
                yield chunk

    @contextmanager
    def _entered(self, folders: list[str]) -> Iterator[int]:
        """Open a folder below the allowed one, a part at a time."""
        folder = os.dup(self._root)
        try:
            for part in folders:
                with self._failures(part):
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def _status(self, folder: int, name: str) -> os.stat_result:
        with self._failures(name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def _require_plain(self, status: os.stat_result, path: str) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise self._refused(f"{path} is a link, a device or another special file")

    @contextmanager
    def _failures(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refused(f"{name} cannot be read: {error.strerror}") from error

    def _refused(self, why: str) -> InvalidSourceError:
        return refusals.refused(self._source, f"In it, {why}")
