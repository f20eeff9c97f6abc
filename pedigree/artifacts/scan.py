"""Scan the files of an artifact for code that loading would run; nothing is loaded.

``picklescan`` disassembles pickles, also inside zips and object arrays, in its strict mode: imports
that it does not list as harmless are dangerous. A file that cannot contain code is *data*; a format
that cannot be scanned is *unscannable*, and is reported as such instead of as clean.
"""

import io
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO

from pydantic import Field

from pedigree._record import Record
from pedigree.libraries import library

EXTRA = "scan"
_DEEPEST = 3
# A member with a higher compression ratio is a bomb; so is one that is too large for memory.
_MOST_GROWTH = 200
_LARGEST_MEMBER = 4 << 30
_LARGEST_HEADER = 100 << 20
_CHUNK = 1 << 20

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
# Errors of pickletools at opcodes that no pickler writes, such as a text of a billion gigabytes.
_BROKEN = (ValueError, MemoryError, ArithmeticError, LookupError, AssertionError)
_NUMPY = b"\x93NUMPY"
_OBJECTS = re.compile(rb"'[|<>=]?O[0-9]*'")
_IMPORTABLE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class ScanKind(StrEnum):
    """The result of scanning a file."""

    DATA = "data"
    PICKLE = "pickle"
    UNSCANNABLE = "unscannable"


class FileScan(Record):
    """The result for one file, or for one member of an archive (``model.zip!weights.pkl``)."""

    path: str
    kind: ScanKind
    imports: tuple[str, ...] = Field(default=(), description="The imports of a pickle")
    dangerous: tuple[str, ...] = Field(
        default=(), description="The imports that are not known to be harmless"
    )
    reason: str | None = Field(default=None, description="Why it cannot be scanned")


def scan(folder: Path, allow: Collection[str] = ()) -> tuple[FileScan, ...]:
    """Scan every file of a folder, regardless of its name.

    Args:
        folder: The artifact's files.
        allow: Full names that are allowed in addition to picklescan's harmless ones.

    Raises:
        MissingDependencyError: picklescan is not installed.
    """
    library("picklescan.scanner", extra=EXTRA)
    # The verdict has each import; warnings would repeat them.
    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    found: list[FileScan] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            found += _scan(file, path.relative_to(folder).as_posix(), allow, depth=0)
    return tuple(found)


def _scan(file: IO[bytes], name: str, allow: Collection[str], *, depth: int) -> Iterator[FileScan]:
    head = file.read(512)
    file.seek(0)
    if zipfile.is_zipfile(file):
        yield from _scan_zip(file, name, allow, depth)
        if head.startswith(b"PK"):
            return
    file.seek(0)
    if closed := _closed(head):
        yield FileScan(path=name, kind=ScanKind.UNSCANNABLE, reason=f"{closed} is not opened")
    elif not head or (head.startswith(_NUMPY) and not _holds_objects(file)):
        yield FileScan(path=name, kind=ScanKind.DATA)
    else:
        yield _scan_stream(file, name, head, allow)


def _closed(head: bytes) -> str | None:
    if head[257:262] == b"ustar":
        return "tar"
    return next((name for magic, name in _CLOSED.items() if head.startswith(magic)), None)


def _scan_zip(file: IO[bytes], name: str, allow: Collection[str], depth: int) -> Iterator[FileScan]:
    if depth == _DEEPEST:
        yield FileScan(
            path=name, kind=ScanKind.UNSCANNABLE, reason=f"archives nest deeper than {_DEEPEST}"
        )
        return
    relaxed = library("picklescan.relaxed_zipfile", extra=EXTRA).RelaxedZipFile
    try:
        with relaxed(file, "r") as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    inside = f"{name}!{member.filename}"
                    yield from _scan_member(archive, member, inside, allow, depth)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        yield FileScan(path=name, kind=ScanKind.UNSCANNABLE, reason=f"broken archive: {error}")


def _scan_member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    name: str,
    allow: Collection[str],
    depth: int,
) -> Iterator[FileScan]:
    try:
        content = _member(archive, member)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, OSError) as error:
        yield FileScan(path=name, kind=ScanKind.UNSCANNABLE, reason=f"cannot be read: {error}")
        return
    yield from _scan(content, name, allow, depth=depth + 1)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Return a member's bytes in memory, where a scanner can seek.

    Raises:
        zipfile.BadZipFile: Its header is wrong, or it expands too much.
    """
    most = min(_LARGEST_MEMBER, max(_CHUNK, member.compress_size * _MOST_GROWTH))
    content = io.BytesIO()
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            content.write(chunk)
            if content.tell() > most:
                raise zipfile.BadZipFile("it expands too much")
    content.seek(0)
    return content


def _holds_objects(file: IO[bytes]) -> bool:
    """Return whether a numpy file has objects, a pickle; leave the position after its header."""
    start = file.read(8)
    length = int.from_bytes(file.read(2 if start[6:7] == b"\x01" else 4), "little")
    header = file.read(min(length, _LARGEST_HEADER))
    return _OBJECTS.search(header) is not None


def _scan_stream(file: IO[bytes], name: str, head: bytes, allow: Collection[str]) -> FileScan:
    begin = file.tell()
    imports, dangerous = _imports(file, name)
    file.seek(begin)
    text = _is_text(file)
    if text:
        # A line of text may look like an opcode; an invalid module name imports nothing.
        imports = {each for each in imports if _IMPORTABLE.fullmatch(each)}
        dangerous &= imports
    if imports:
        return FileScan(
            path=name,
            kind=ScanKind.PICKLE,
            imports=tuple(sorted(imports)),
            dangerous=tuple(sorted(dangerous.difference(allow))),
        )
    file.seek(begin)
    if text or _is_safetensors(file) or _is_whole_pickle(file, begin):
        return FileScan(path=name, kind=ScanKind.DATA)
    reason = "a broken pickle" if head[:1] == b"\x80" else "its format may contain code"
    return FileScan(path=name, kind=ScanKind.UNSCANNABLE, reason=reason)


def _imports(file: IO[bytes], name: str) -> tuple[set[str], set[str]]:
    scanner = library("picklescan.scanner", extra=EXTRA)
    try:
        result = scanner.scan_pickle_bytes(file, name, strict=True)
    except (*_BROKEN, OSError):
        # Its opcodes contradict each other, which no valid pickle has.
        return {"unknown.unknown"}, {"unknown.unknown"}
    named = {f"{each.module}.{each.name}": each.safety for each in result.globals}
    harmless = scanner.SafetyLevel.Innocuous
    return set(named), {each for each, safety in named.items() if safety is not harmless}


def _is_text(file: IO[bytes]) -> bool:
    begin = file.tell()
    reader = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        while chunk := reader.read(_CHUNK):
            if any(ord(each) < 32 and each not in "\t\n\r\f" for each in chunk):
                return False
    except UnicodeDecodeError:
        return False
    finally:
        reader.detach()
        file.seek(begin)
    return True


def _is_safetensors(file: IO[bytes]) -> bool:
    begin = file.tell()
    length = int.from_bytes(file.read(8), "little")
    header = file.read(length) if 2 <= length <= _LARGEST_HEADER else b""
    file.seek(begin)
    try:
        return isinstance(json.loads(header), dict)
    except ValueError:
        return False


def _is_whole_pickle(file: IO[bytes], begin: int) -> bool:
    """Return whether it is a sequence of pickles up to the end, without imports."""
    import pickletools  # noqa: PLC0415 -- only needed to scan a pickle

    file.seek(begin)
    try:
        while True:
            for _ in pickletools.genops(file):
                pass
            if not file.read(1):
                return True
            file.seek(-1, io.SEEK_CUR)
    except _BROKEN:
        return False
