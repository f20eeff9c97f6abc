"""The files of an artifact on this machine."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pedigree.artifacts.path_rules import (
    MOST_PARTS,
    PULL_FOLDER,
    PULL_RECORD,
    check_path,
    require_distinct,
    too_deep,
)
from pedigree.errors import InvalidArtifactError

Identity: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file on this machine for an artifact."""

    path: str
    """Relative to the artifact, with / between its parts."""
    source: Path
    size: int
    """Bytes."""
    identity: Identity
    """Device, inode, size and change time, which detect a replaced file."""
    watch: Callable[[int], None] = field(default=lambda _: None, compare=False, repr=False)
    """Called with the number of bytes read."""

    @contextmanager
    def reading(self) -> Iterator["SourceReader"]:
        """Open the file; check before and after that it is the scanned one.

        Raises:
            InvalidArtifactError: It cannot be read, was replaced, or changed during the read.
        """
        reader = SourceReader(self)
        try:
            yield reader
            reader.require_unchanged()
        finally:
            reader.close()


class SourceReader:
    """An open file of an artifact; its failures become errors of the artifact."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        # A link or a FIFO that replaced the file since the scan is not followed.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._descriptor = os.open(file.source, flags)
        except OSError as error:
            raise _unreadable(file.path, error) from error
        try:
            self.require_unchanged()
        except BaseException:
            self.close()
            raise

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with available bytes; return their number, 0 at the end."""
        try:
            count = os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise _unreadable(self._file.path, error) from error
        self._file.watch(count)
        return count

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, fewer only at the end of the file."""
        parts = []
        try:
            while size > 0 and (part := os.read(self._descriptor, size)):
                parts.append(part)
                size -= len(part)
                self._file.watch(len(part))
        except OSError as error:
            raise _unreadable(self._file.path, error) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def require_unchanged(self) -> None:
        """Raise :class:`InvalidArtifactError` if this is not the scanned file."""
        if identity_of(os.fstat(self._descriptor)) != self._file.identity:
            raise InvalidArtifactError(
                "the file changed during the publication",
                field="path",
                value=self._file.path,
                remedy="Publish again while nothing writes to it",
            )

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def scan(path: Path) -> tuple[SourceFile, ...]:
    """List the files of an artifact, sorted by path.

    A single file is an artifact of one file, under its own name. The given path may be a link;
    nothing below it may be one. Folders without files are ignored, and so is the record of a pull.

    Raises:
        InvalidArtifactError: The path does not exist, has no bytes, contains a link, a device or an
            unfinished pull, or has a name that :func:`check_path` or :func:`require_distinct`
            refuses.
    """
    try:
        root = path.resolve(strict=True)
        status = root.stat()
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidArtifactError(
            "the path does not exist or cannot be read",
            field="path",
            value=str(path),
            remedy="Give a file, or a folder that holds the model's files",
        ) from error
    if stat.S_ISDIR(status.st_mode):
        files = tuple(sorted(_walk(root, ""), key=lambda file: file.path))
    else:
        files = (source_file(root, root.name, status),)
    if not any(file.size for file in files):
        raise InvalidArtifactError(
            "the artifact is empty",
            field="path",
            value=str(path),
            remedy="Save the model there first",
        )
    require_distinct(file.path for file in files)
    return files


def _walk(folder: Path, prefix: str) -> Iterator[SourceFile]:
    try:
        with os.scandir(folder) as entries:
            listed = [(entry, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError as error:
        raise _unreadable(prefix or str(folder), error) from error
    for entry, status in listed:
        path = f"{prefix}{entry.name}"
        if path == PULL_RECORD:  # a pulled folder may be registered again
            continue
        if path == PULL_FOLDER:
            raise _unfinished(folder)
        if path.count("/") >= MOST_PARTS:
            raise too_deep(path)
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(folder / entry.name, f"{path}/")
        else:
            yield source_file(folder / entry.name, path, status)


def source_file(source: Path, path: str, status: os.stat_result) -> SourceFile:
    """Return a file on this machine as a source file of an artifact.

    Raises:
        InvalidArtifactError: It is not a plain file, or :func:`check_path` refuses its path.
    """
    check_path(path)
    if not stat.S_ISREG(status.st_mode):
        raise InvalidArtifactError(
            f"the artifact holds {_kind(status.st_mode)}",
            field="path",
            value=path,
            remedy="Replace it with the file itself",
        )
    return SourceFile(path=path, source=source, size=status.st_size, identity=identity_of(status))


def identity_of(status: os.stat_result) -> Identity:
    """Return what tells whether a file was replaced or changed."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _unfinished(folder: Path) -> InvalidArtifactError:
    return InvalidArtifactError(
        f"a pull into this folder was interrupted; it left {PULL_FOLDER}",
        field="path",
        value=str(folder),
        remedy=f"Pull the version again to complete the files, or remove {PULL_FOLDER}",
    )


def _unreadable(path: str, error: OSError) -> InvalidArtifactError:
    return InvalidArtifactError(
        f"the file cannot be read: {error.strerror}",
        field="path",
        value=path,
        remedy="Give this process the permission to read it",
    )
