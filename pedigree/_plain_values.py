"""Values that are certainly within their bounds: most are, and need no further check."""

import math
import re
from collections.abc import Collection

from pydantic_core import to_json

# A larger integer is infinite for a reader whose numbers are doubles.
_INTEGER_BITS = 1024
_MOST_MEMBERS = 800
# In JSON: NUL, and a number that is not finite; or a text that looks like one.
_SUSPECT = re.compile(rb"\\u0000|NaN|Infinity")


def is_plain(value: object, size: int, whole: int) -> bool:
    """Return whether a value is certainly within its bounds; a check decides about the others.

    Args:
        value: Any value; a structure of structures is never plain.
        size: The most characters of a text.
        whole: The most bytes of a structure as JSON. No bound within it is smaller.
    """
    match value:
        case None | bool():
            return True
        case str():
            return len(value) <= size and value.isascii() and "\0" not in value
        case float() | int():
            return _is_number(value)
        case dict():
            return _are_scalars(value.values()) and _is_short(value, whole)
        case list() | tuple():
            return _are_scalars(value) and _is_short(value, whole)
    return False


def is_small(value: int) -> bool:
    """Return whether an integer is finite as a double."""
    return value.bit_length() < _INTEGER_BITS


def _is_number(value: float) -> bool:
    return is_small(value) if isinstance(value, int) else math.isfinite(value)


def _are_scalars(values: Collection[object]) -> bool:
    return len(values) <= _MOST_MEMBERS and all(map(_is_scalar, values))


def _is_scalar(value: object) -> bool:
    if type(value) is str:
        return len(value) <= _MOST_MEMBERS
    return type(value) in {float, bool, type(None)} or (type(value) is int and is_small(value))


def _is_short(value: object, most: int) -> bool:
    try:
        text = to_json(value)
    except ValueError:  # the check says what is wrong
        return False
    return len(text) <= most and not _SUSPECT.search(text)
