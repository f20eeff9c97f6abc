"""Parts of pages that a process has drawn, kept by all that determines them.

A picture or a table is a function of what it shows. So one that was drawn of the same is the same,
and no time and no change makes it untrue. What it shows is read for each page.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from markupsafe import Markup
from pydantic_core import to_json

_MOST_CHARACTERS = 4_000_000


class DrawnParts:
    """The parts that were used last, up to some millions of characters."""

    def __init__(self, most: int = _MOST_CHARACTERS) -> None:
        self._most = most
        self._parts: OrderedDict[Hashable, Markup | None] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def part(self, key: Hashable, draw: Callable[[], Markup | None]) -> Markup | None:
        """Return a part; draw it if none is kept.

        Args:
            key: All that the part depends on, or a digest of it.
            draw: Draws it.
        """
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
                return self._parts[key]
        drawn = draw()
        with self._lock:
            if key not in self._parts:
                self._parts[key] = drawn
                self._size += _size(drawn)
            while self._size > self._most:
                self._size -= _size(self._parts.popitem(last=False)[1])
        return drawn


def _size(part: Markup | None) -> int:
    return 100 + len(part or "")


def digest_of_values(*values: object) -> bytes:
    """Return a digest of records and other values, as JSON has them.

    >>> digest_of_values("a", 1) == digest_of_values("a", 1), digest_of_values("a", "1") == b""
    (True, False)
    """
    return hashlib.sha256(to_json(values)).digest()
