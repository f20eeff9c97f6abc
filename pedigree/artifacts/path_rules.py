"""The rules for the paths of an artifact's files."""

import re
import unicodedata
from collections.abc import Iterable

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
            raise too_deep(path)
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


def too_deep(path: str) -> InvalidArtifactError:
    """Return the error for a path with too many parts."""
    return _indistinct(
        f"the path has more than {MOST_PARTS} parts",
        path,
        "Move the file closer to the artifact's top folder",
    )


def _indistinct(fault: str, path: str, remedy: str) -> InvalidArtifactError:
    return InvalidArtifactError(fault, field="path", value=path, remedy=remedy)
