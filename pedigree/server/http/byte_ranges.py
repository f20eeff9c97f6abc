"""Ranges of bytes (RFC 9110, 14): one range of a file; several are answered by the whole file."""

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


class ByteRange(NamedTuple):
    """A part of a file."""

    first: int
    end: int
    """Exclusive."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.first

    def content_range(self, size: int) -> str:
        """Return the header of the part of a file of this size.

        >>> ByteRange(0, 2).content_range(5)
        'bytes 0-1/5'
        """
        return f"bytes {self.first}-{self.end - 1}/{size}"


class UnsatisfiableRange(NamedTuple):
    """A range after the end of the file."""

    size: int

    @property
    def content_range(self) -> str:
        """The header of the refusal."""
        return f"bytes */{self.size}"


def asked_range(header: str | None, size: int) -> ByteRange | UnsatisfiableRange | None:
    """Return the range of a file that a request asks for; None for the whole file.

    >>> asked_range("bytes=2-", 5), asked_range("bytes=-2", 5), asked_range("bytes=1-9", 5)
    (ByteRange(first=2, end=5), ByteRange(first=3, end=5), ByteRange(first=1, end=5))
    >>> asked_range("bytes=5-", 5), asked_range("bytes=0-1,3-4", 5)
    (UnsatisfiableRange(size=5), None)
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found["first"] == found["last"] == "":
        return None
    if not found["first"]:
        last = min(int(found["last"]), size)
        return ByteRange(size - last, size) if last else UnsatisfiableRange(size)
    first = int(found["first"])
    end = min(int(found["last"]) + 1, size) if found["last"] else size
    if found["last"] and int(found["last"]) < first:
        return None  # it is no range
    return ByteRange(first, end) if first < size else UnsatisfiableRange(size)
