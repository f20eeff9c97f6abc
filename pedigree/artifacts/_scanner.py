"""The scan of an artifact's files, as a job of a confined process; nothing is loaded.

``picklescan`` disassembles pickles, also inside zips and object arrays, in its strict mode: imports
that it does not list as harmless are dangerous.
"""

import codecs
import logging
import re
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picklescan.relaxed_zipfile import RelaxedZipFile

from pedigree.artifacts._content import mapped, member_content
from pedigree.artifacts._pickles import imports, survey
from pedigree.untrusted.documents import DocumentError, parsed_json
from pedigree.untrusted.expansion import ExpansionBound, ExpansionError, ExpansionMeter

_DEEPEST = 3
_MOST_MEMBERS = 10_000
_LARGEST_HEADER = 100 << 20
_PIECE = 1 << 20
_LONGEST_PATH, _LONGEST_NAME = 300, 120  # characters of what is shown
_TOO_LARGE = "too large for the memory of a scan"
_SCANNING = ExpansionBound(total=4 << 30)

# Archives and compressed streams that are not opened, by magic bytes.
_CLOSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x89HDF\r\n\x1a\n": "HDF5",
}
_NUMPY = b"\x93NUMPY"
_OBJECTS = re.compile(rb"'[|<>=]?O[0-9]*'")
_IMPORTABLE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")

FoundFile = dict[str, Any]
"""The fields of a :class:`pedigree.artifacts.scan.FileScan`."""


class ScanLimitError(Exception):
    """A limit of the scan is hit."""


@dataclass(frozen=True, slots=True)
class _Scanned:
    """A file, or a member of an archive, that is being scanned."""

    content: Any
    name: str
    depth: int
    meter: ExpansionMeter
    """Counts what the archives around it expand to."""


def scan_files(request: dict[str, Any]) -> Iterator[list[FoundFile]]:
    """Yield what is found in each file of a folder: the job.

    Args:
        request: ``folder``; ``paths``, the files; and ``allow``, the names of harmless imports.
    """
    # The findings have each import; warnings would repeat them.
    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    allow = frozenset(request["allow"])
    for name in request["paths"]:
        content = mapped(Path(request["folder"]) / name)
        meter = ExpansionMeter(_size(content), _SCANNING)
        yield _found(_Scanned(content, name, 0, meter), allow)


def _size(content: Any) -> int:
    content.seek(0, 2)
    size: int = content.tell()
    content.seek(0)
    return size


def _found(file: _Scanned, allow: Collection[str]) -> list[FoundFile]:
    """Scan one file; a limit ends its scan and keeps what was found before."""
    found: list[FoundFile] = []
    try:
        found.extend(_scan(file, allow))
    except ScanLimitError as error:
        found.append(_unscannable(file.name, str(error), limited=True))
    return found


def _unscannable(name: str, reason: str, *, limited: bool = False) -> FoundFile:
    reason = shown(reason, _LONGEST_PATH)
    return {"path": name, "kind": "unscannable", "reason": reason, "limited": limited}


def shown(text: str, longest: int) -> str:
    r"""Return a text of the file's author, cut, and with escapes for what is not printable.

    >>> shown("os\nsystem", 6)
    'os\\nsy…'
    """
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= longest else f"{text[:longest]}…"


def _scan(file: _Scanned, allow: Collection[str]) -> Iterator[FoundFile]:
    content = file.content
    head = content.read(512)
    content.seek(0)
    if zipfile.is_zipfile(content):
        yield from _scan_zip(file, allow)
        if head.startswith(b"PK"):
            return
    content.seek(0)
    if closed := _closed(head):
        yield _unscannable(file.name, f"{closed} is not opened")
    elif not head or (head.startswith(_NUMPY) and not _holds_objects(content)):
        yield {"path": file.name, "kind": "data"}
    else:
        yield _scan_stream(file, head, allow)


def _closed(head: bytes) -> str | None:
    if head[257:262] == b"ustar":
        return "tar"
    return next((name for magic, name in _CLOSED.items() if head.startswith(magic)), None)


def _scan_zip(file: _Scanned, allow: Collection[str]) -> Iterator[FoundFile]:
    if file.depth == _DEEPEST:
        raise ScanLimitError(f"archives nest deeper than {_DEEPEST}")
    try:
        archive = RelaxedZipFile(file.content, "r")
    except Exception as error:  # zipfile raises many types on invalid content
        yield _unscannable(file.name, f"broken archive: {error}")
        return
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > _MOST_MEMBERS:
        raise ScanLimitError(f"it has more than {_MOST_MEMBERS:,} members")
    for member in members:
        yield from _scan_member(file, archive, member, allow)


def _scan_member(
    file: _Scanned, archive: RelaxedZipFile, member: zipfile.ZipInfo, allow: Collection[str]
) -> Iterator[FoundFile]:
    name = f"{file.name}!{shown(member.filename, _LONGEST_PATH)}"
    try:
        content = member_content(file.content, archive, member, file.meter)
    except ExpansionError as error:
        raise ScanLimitError(f"{member.filename}: {error}") from error
    except MemoryError as error:
        raise ScanLimitError(f"{member.filename} is {_TOO_LARGE}") from error
    except Exception as error:  # so does a member that is encrypted or broken
        yield _unscannable(name, f"cannot be read: {error}")
        return
    yield from _scan(_Scanned(content, name, file.depth + 1, file.meter), allow)


def _holds_objects(content: Any) -> bool:
    """Return whether a numpy file has objects, a pickle; leave the position after its header."""
    start = content.read(8)
    length = int.from_bytes(content.read(2 if start[6:7] == b"\x01" else 4), "little")
    header = content.read(min(length, _LARGEST_HEADER))
    return _OBJECTS.search(header) is not None


def _scan_stream(file: _Scanned, head: bytes, allow: Collection[str]) -> FoundFile:
    content = file.content
    begin = content.tell()
    named, dangerous = set[str](), set[str]()
    try:
        surveyed = survey(content)
        if surveyed.imports:
            content.seek(begin)
            named, dangerous = imports(content, file.name, allow, surveyed)
    except MemoryError as error:
        raise ScanLimitError(f"its pickle is {_TOO_LARGE}") from error
    content.seek(begin)
    is_text = _is_text(content)
    if is_text:
        # A line of text may look like an opcode; an invalid module name imports nothing.
        named = {each for each in named if _IMPORTABLE.fullmatch(each)}
        dangerous &= named
    if named:
        return {
            "path": file.name,
            "kind": "pickle",
            "imports": sorted({shown(name, _LONGEST_NAME) for name in named}),
            "dangerous": sorted({shown(name, _LONGEST_NAME) for name in dangerous}),
        }
    content.seek(begin)
    if is_text or _is_safetensors(content) or (surveyed.whole and not surveyed.imports):
        return {"path": file.name, "kind": "data"}
    reason = "a broken pickle" if head[:1] == b"\x80" else "its format may contain code"
    return _unscannable(file.name, reason)


def _is_text(content: Any) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := content.read(_PIECE):
            if _CONTROL.search(piece):
                return False
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_safetensors(content: Any) -> bool:
    length = int.from_bytes(content.read(8), "little")
    header = content.read(length) if 2 <= length <= _LARGEST_HEADER else b""
    try:
        return isinstance(parsed_json(header), dict)
    except DocumentError:
        return False
