"""A strict reader of DER (X.690), for the parts of CMS that ``cryptography`` does not read."""

from collections.abc import Iterator
from typing import NamedTuple

from .hashes import UnverifiedLogError

BOOLEAN, INTEGER, OCTETS, OBJECT, TIME = 0x01, 0x02, 0x04, 0x06, 0x18
SEQUENCE, SET = 0x30, 0x31
_SHORT = 0x80
# The lengths of four bytes are more than an answer has.
_LENGTH_BYTES = 4


class Element(NamedTuple):
    """One element: its tag, its content, and all its bytes."""

    tag: int
    content: bytes
    whole: bytes

    def children(self) -> "Reader":
        """Return the elements of the content."""
        return Reader(self.content)

    def integer(self) -> int:
        """Return the number of an integer."""
        return int.from_bytes(self.content, "big", signed=True)


class Reader:
    """Reads elements one after the other.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __iter__(self) -> Iterator[Element]:
        while self._at < len(self._data):
            yield self._next()

    def take(self, tag: int) -> Element:
        """Return the next element, which must have a tag.

        Raises:
            UnverifiedLogError: There is none, or it has another tag.
        """
        found = self.find(tag)
        if found is None:
            raise UnverifiedLogError(f"the bytes lack an element of the tag {tag:#04x}")
        return found

    def find(self, tag: int) -> Element | None:
        """Return the next element if it has a tag; else None, and it remains the next one.

        Raises:
            UnverifiedLogError: The bytes are not DER.
        """
        if self._at >= len(self._data) or self._data[self._at] != tag:
            return None
        return self._next()

    def end(self) -> None:
        """Require that nothing follows.

        Raises:
            UnverifiedLogError: Something does.
        """
        if self._at != len(self._data):
            raise UnverifiedLogError("bytes follow the last element")

    def _next(self) -> Element:
        start, data = self._at, self._data
        if len(data) < start + 2:
            raise UnverifiedLogError("an element is cut")
        length, begin = data[start + 1], start + 2
        if length >= _SHORT:
            count = length - _SHORT
            begin += count
            length = int.from_bytes(data[start + 2 : begin], "big")
            least = _SHORT if count <= 1 else 1 << (8 * (count - 1))
            if not 1 <= count <= _LENGTH_BYTES or length < least:
                raise UnverifiedLogError("the length of an element is not DER")
        end = begin + length
        if end > len(data):
            raise UnverifiedLogError("an element is cut")
        self._at = end
        return Element(data[start], data[begin:end], data[start:end])


def encoded(tag: int, *contents: bytes) -> bytes:
    """Return an element of some content.

    >>> encoded(SEQUENCE, encoded_integer(5)).hex()
    '3003020105'
    """
    content = b"".join(contents)
    length = len(content)
    if length < _SHORT:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, _SHORT + size)) + length.to_bytes(size, "big") + content


def encoded_integer(number: int) -> bytes:
    """Return a number that is not negative as an element.

    >>> encoded_integer(128).hex()
    '02020080'
    """
    return encoded(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))
