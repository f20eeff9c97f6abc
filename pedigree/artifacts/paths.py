"""The files of an artifact, and the rules for their names."""

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pedigree.errors import InvalidArtifactError

# The shortest limits of common file systems and stores, so that a published artifact can be pulled:
# 255 bytes a name (ext4, APFS, NTFS), 1,024 bytes a key (S3).
LONGEST_NAME = 255
LONGEST_PATH = 1024
# No model format nests this deep; each part costs work at every reader and folder of a pull.
MOST_PARTS = 32

_TOO_LONG = f"has more than {LONGEST_PATH} bytes, or a part of more than {LONGEST_NAME}"

# Control characters, surrogates, separators of lines and paragraphs, and the marks of direction,
# which make "txt.exe" look like "exe.txt".
_UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u2028-\\u202e\\u2066-\\u2069]")

# Names that Pedigree uses itself, such as the home folder of a project and the folder of a pull.
_RESERVED = ".pedigree"
PULL_FOLDER = ".pedigree-pull"
"""The partial files of a pull, inside its destination."""
PULL_RECORD = ".pedigree-pulled"
"""The list of the files that pulls wrote, inside their destination."""

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


def check_path(path: str) -> str:
    """Return the path of a file inside an artifact, if it is valid.

    Raises:
        InvalidArtifactError: It is absolute, climbs out of its folder, is too long, is not NFC,
            or has a part that some file system interprets differently, or that Pedigree uses.
    """
    # First the length in characters, so that the other rules cost nothing for a long path.
    fault = _TOO_LONG if len(path) > LONGEST_PATH else _fault_of_path(path)
    fault = fault or _fault_of_reserved(path)
    if fault:
        raise InvalidArtifactError(
            f"the file's name {fault}", field="path", value=path, remedy="Rename the file"
        )
    return path


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
            raise _too_deep(path)
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


def _fault_of_path(path: str) -> str | None:
    if _UNPRINTABLE.search(path):
        return "has a control character, a mark of direction, or bytes that are not UTF-8"
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        return "is absolute, leaves its folder, or has an empty part"
    if "\\" in path or re.match(r"[A-Za-z]:", path):
        return "has a backslash or a drive letter"
    if not unicodedata.is_normalized("NFC", path):
        return "is not in Unicode's normal form C"
    if len(path.encode()) > LONGEST_PATH or any(len(p.encode()) > LONGEST_NAME for p in parts):
        return _TOO_LONG
    return None


def _fault_of_reserved(path: str) -> str | None:
    if any(part.casefold().startswith(_RESERVED) for part in path.split("/")):
        return f"has a part that begins with {_RESERVED}, which is reserved for Pedigree's files"
    return None


def require_distinct(paths: Iterable[str]) -> None:
    """Refuse paths that cannot all be files of one folder, or that are too deep for a new artifact.

    The cost grows with the sum of the paths' lengths, whatever their depth.

    Raises:
        InvalidArtifactError: A path has too many parts or is listed twice; or it is a file and the
            folder of another; or two are equal on a file system that ignores case or Unicode form.
    """
    root = _Folder()
    for path in paths:
        parts = path.split("/")
        if len(parts) > MOST_PARTS:
            raise _too_deep(path)
        folder = root
        for depth, part in enumerate(parts, start=1):
            folder = folder.entered(part, path, depth, is_file=depth == len(parts))


class _Folder:
    """The names in one folder of a list of paths."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, _Folder | None]] = {}

    def entered(self, name: str, path: str, depth: int, *, is_file: bool) -> "_Folder":
        """Add a part of a path, and return the folder of the next part."""
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
        entry = self._names.get(folded)
        if entry is None:
            folder = _Folder()
            self._names[folded] = name, None if is_file else folder
            return folder
        known, below = entry
        if known != name:
            *above, _ = path.split("/")[:depth]
            raise _indistinct(
                f"the file's name differs from {'/'.join([*above, known])!r} only by case or"
                " Unicode form",
                "/".join([*above, name]),
                "Rename one of the two",
            )
        if below is None or is_file:
            twice = below is None and is_file
            raise _indistinct(
                "the path is listed twice" if twice else "the path is a file and a folder",
                "/".join(path.split("/")[:depth]),
                "Give each file its own path",
            )
        return below


def _too_deep(path: str) -> InvalidArtifactError:
    return _indistinct(
        f"the path has more than {MOST_PARTS} parts",
        path,
        "Move the file closer to the artifact's top folder",
    )


def _indistinct(fault: str, path: str, remedy: str) -> InvalidArtifactError:
    return InvalidArtifactError(fault, field="path", value=path, remedy=remedy)


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
