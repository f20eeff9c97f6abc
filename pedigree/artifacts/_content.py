"""The bytes of a file, or of a member of an archive, as a file that a scanner can seek."""

import io
import mmap
import zipfile
from pathlib import Path
from typing import Any

from picklescan.relaxed_zipfile import RelaxedZipFile

from pedigree.untrusted.expansion import ExpansionMeter

# A larger member that is stored without compression is read where it is.
_LARGEST_COPY = 16 << 20
_PIECE = 1 << 20
_LINE = 1 << 12
_LOCAL_HEADER, _LOCAL_HEADER_SIZE = b"PK\x03\x04", 30
_ENCRYPTED = 1


class MappedFile(mmap.mmap):
    """A file in the address space: it has no copy in memory, and no read allocates beyond its end.

    It adds what :mod:`zipfile` expects of a file.
    """

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, position: int, whence: Any = 0) -> None:
        """Move to a position.

        Raises:
            OSError: It is outside the file.
        """
        try:
            super().seek(position, whence)
        except ValueError as error:
            raise OSError(str(error)) from error


class FilePart:
    """A part of a file, as a file."""

    def __init__(self, file: Any, start: int, end: int) -> None:
        self._file = file
        self._start = start
        self._end = end
        self._position = start

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the part."""
        return self._position - self._start

    def seek(self, position: int, whence: int = 0) -> int:
        """Move to a position in the part.

        Raises:
            OSError: It is before the part.
        """
        origin = (self._start, self._position, self._end)[whence]
        if origin + position < self._start:
            raise OSError("the position is before the start")
        self._position = origin + position
        return self.tell()

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes, fewer at the end."""
        left = max(0, self._end - self._position)
        self._file.seek(min(self._position, self._end))
        found: bytes = self._file.read(left if count < 0 else min(count, left))
        self._position += len(found)
        return found

    def readline(self) -> bytes:
        """Return the bytes up to the next end of a line, or of the part."""
        pieces: list[bytes] = []
        while piece := self.read(_LINE):
            end = piece.find(b"\n") + 1
            if end:
                self._position += end - len(piece)
                pieces.append(piece[:end])
                break
            pieces.append(piece)
        return b"".join(pieces)


def mapped(path: Path) -> Any:
    """Return a file's content; an empty file cannot be mapped."""
    with path.open("rb") as opened:
        if not opened.seek(0, io.SEEK_END):
            return io.BytesIO()
        return MappedFile(opened.fileno(), 0, access=mmap.ACCESS_READ)


def member_content(
    file: Any, archive: RelaxedZipFile, member: zipfile.ZipInfo, meter: ExpansionMeter
) -> Any:
    """Return a member's content, without checking its CRC, which some readers do not check either.

    Args:
        file: The content of the archive.
        archive: The archive.
        member: The member.
        meter: Counts what is expanded.

    Raises:
        zipfile.BadZipFile: Its header is wrong, or it is encrypted.
        ExpansionError: It expands too far.
    """
    if member.flag_bits & _ENCRYPTED:
        raise zipfile.BadZipFile("it is encrypted")
    if member.compress_type == zipfile.ZIP_STORED and member.file_size > _LARGEST_COPY:
        return _stored(file, member)
    content = io.BytesIO()
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE):
            meter.add(len(piece))
            content.write(piece)
    content.seek(0)
    return content


def _stored(file: Any, member: zipfile.ZipInfo) -> FilePart:
    file.seek(member.header_offset)
    header = file.read(_LOCAL_HEADER_SIZE)
    if not header.startswith(_LOCAL_HEADER) or member.compress_size != member.file_size:
        raise zipfile.BadZipFile("its header is wrong")
    lengths = header[26:28], header[28:30]  # of the name and of the extra field
    start = member.header_offset + len(header) + sum(int.from_bytes(n, "little") for n in lengths)
    return FilePart(file, start, start + member.file_size)
