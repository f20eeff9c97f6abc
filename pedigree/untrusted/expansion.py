"""The bound of every decompression: by the ratio to the compressed size, and by a total.

>>> import zlib
>>> len(inflated(zlib.compress(bytes(1000))))
1000
>>> inflated(zlib.compress(bytes(100 << 20)))
Traceback (most recent call last):
    ...
pedigree.untrusted.expansion.ExpansionError: it expands to more than 67,108,864 bytes
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pedigree.libraries import library

_PIECE = 1 << 20
_ZIP = b"PK\x03\x04"


class ExpansionError(Exception):
    """Content expands to more than its bound allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpansionBound:
    """How far content may expand."""

    ratio: int = 100
    """Expanded bytes for each compressed byte. Weights reach about 2, JSON about 30."""
    free: int = 64 << 20
    """Expanded bytes that are allowed at any ratio: zeros compress a thousand times."""
    total: int = 16 << 30
    """Expanded bytes at most."""

    def most(self, compressed: int) -> int:
        """Return how many bytes some compressed bytes may expand to."""
        return min(self.total, max(self.free, self.ratio * compressed))


LOADING = ExpansionBound()
"""The bound for loading a model."""


class ExpansionMeter:
    """The count of the bytes that one file expands to, over all its members.

    Args:
        compressed: The file's size in bytes.
        bound: How far it may expand.
    """

    def __init__(self, compressed: int, bound: ExpansionBound = LOADING) -> None:
        self._most = bound.most(compressed)
        self._left = self._most

    def add(self, count: int) -> None:
        """Count expanded bytes.

        Raises:
            ExpansionError: They are too many.
        """
        self._left -= count
        if self._left < 0:
            raise ExpansionError(f"it expands to more than {self._most:,} bytes")


class MeteredReader(io.RawIOBase):
    """A decompressing stream whose bytes a meter counts."""

    def __init__(self, stream: IO[bytes], meter: ExpansionMeter) -> None:
        super().__init__()
        self._stream = stream
        self._meter = meter

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the next bytes; return their number, 0 at the end.

        Raises:
            ExpansionError: The stream expands too far.
        """
        piece = self._stream.read(min(len(buffer), _PIECE))
        self._meter.add(len(piece))
        buffer[: len(piece)] = piece
        return len(piece)


def inflated(content: bytes) -> bytes:
    """Return what a zlib stream expands to.

    Raises:
        ExpansionError: It expands too far.
        zlib.error: It is not a zlib stream, or it is incomplete.
    """
    stream = zlib.decompressobj()
    expanded = stream.decompress(content, LOADING.most(len(content)) + 1)
    ExpansionMeter(len(content)).add(len(expanded))
    if not stream.eof:
        raise zlib.error("the stream is incomplete")
    return expanded


def require_bounded_zip(file: Path) -> None:
    """Refuse a zip whose members expand too far; another file passes.

    No reader expands a member beyond the size in the archive's directory. An archive in an archive,
    such as the ``.npz`` of a sparse matrix, is expanded here and counts as well.

    Raises:
        ExpansionError: Its members, or those of an archive in it, expand too far or overlap.
        zipfile.BadZipFile: It is a broken archive.
    """
    with file.open("rb") as opened:
        if opened.peek(4).startswith(_ZIP) or zipfile.is_zipfile(opened):
            size = file.stat().st_size
            _count(opened, size, ExpansionMeter(size))


def _count(opened: IO[bytes], size: int, meter: ExpansionMeter, *, depth: int = 0) -> None:
    with zipfile.ZipFile(opened) as archive:
        members = archive.infolist()
        if sum(member.compress_size for member in members) > size:
            raise ExpansionError("members of it overlap")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED:
                meter.add(member.file_size)
        for member in members:
            _count_inner(archive, member, meter, depth)


def _count_inner(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, meter: ExpansionMeter, depth: int
) -> None:
    """Count the members of a member that is an archive itself."""
    with archive.open(member) as stream:
        head = stream.read(len(_ZIP))
        if head != _ZIP:
            return
        if depth:
            raise ExpansionError("archives in it nest too deep")
        meter.add(member.file_size)
        content = io.BytesIO(head + stream.read())
    _count(content, member.file_size, meter, depth=depth + 1)


def _zlib_reader(file: IO[bytes]) -> IO[bytes]:
    reader: IO[bytes] = library("joblib.compressor", extra="sklearn").BinaryZlibFile(file)
    return reader


def _lz4_reader(file: IO[bytes]) -> IO[bytes]:
    reader: IO[bytes] = library("lz4.frame", extra="sklearn").LZ4FrameFile(file)
    return reader


# The compressed streams that joblib reads, by their first bytes.
_READERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZ": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x5d\x00": lzma.LZMAFile,
    b"\x78": _zlib_reader,
    b"\x04\x22\x4d\x18": _lz4_reader,
}


@contextmanager
def expanded(file: Path) -> "Iterator[io.BufferedReader[Any]]":
    """Open a file; if it is a compressed stream, for reading what it expands to.

    Raises:
        ExpansionError: It expands too far, which a read finds.
        MissingDependencyError: The library that expands it is not installed.
    """
    with file.open("rb") as opened:
        reader = _reader_of(opened.peek(8))
        if reader is None:
            yield opened
            return
        meter = ExpansionMeter(file.stat().st_size)
        with reader(opened) as stream, io.BufferedReader(MeteredReader(stream, meter)) as counted:
            yield counted


def require_plain(stream: "io.BufferedReader[Any]") -> None:
    """Refuse a stream of :func:`expanded` whose content a reader would expand again.

    Raises:
        ExpansionError: It is a compressed stream.
    """
    if _reader_of(stream.peek(8)):
        raise ExpansionError("it expands to another compressed stream")


def _reader_of(head: bytes) -> Callable[[IO[bytes]], Any] | None:
    found = (reader for magic, reader in _READERS.items() if head.startswith(magic))
    return next(found, None)
