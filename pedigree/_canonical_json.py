"""Canonical JSON (RFC 8785): the bytes that digests and the audit log are made of.

The C encoder of :mod:`json` writes most values as the RFC requires. It writes only values for which
this is certain; the ``rfc8785`` library, which is Python and ten times as slow, writes the others.
"""

import json
from typing import Any

import rfc8785

from pedigree._record import LARGEST
from pedigree.errors import InvalidInputError

# Between these, Python and ECMAScript write the same digits without an exponent.
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-4, float(LARGEST)
# The encoder orders names by code points, the RFC by UTF-16 units: the same up to this character.
_LAST_OF_ONE_UNIT = "\uffff"
# Written the same by both. Not their subclasses, which may change how they are written.
_SAME = frozenset({str, bool, type(None)})

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


class _UncertainError(Exception):
    """A value that the C encoder may write in another way than the RFC requires."""


def canonical_json(value: Any) -> bytes:
    """Return a JSON value as RFC 8785 writes it: texts, numbers, booleans, null, lists and objects.

    >>> canonical_json({"b": 2.0, "a": [None, "ü"]}).decode()
    '{"a":[null,"ü"],"b":2}'

    Raises:
        InvalidInputError: The value has none: a number is not finite or has more than 53 bits, a
            text has half of a character, or a name is not a text.
    """
    try:
        return _encode(_certain(value)).encode()
    except (_UncertainError, UnicodeEncodeError):
        pass
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidInputError(
            f"a value has no canonical JSON: {error}",
            remedy="Write texts in Unicode, and integers of more than 53 bits as texts",
        ) from error


def _certain(value: Any) -> Any:
    """Return the value with integers in place of floats that are written as such.

    Raises:
        _UncertainError: The C encoder may write the value in another way.
    """
    kind = type(value)
    if kind in _SAME:
        return value
    if kind is float:
        return _certain_float(value)
    if kind is dict:
        _require_order(value)
        return {
            name: each if type(each) in _SAME else _certain(each) for name, each in value.items()
        }
    if kind is list or kind is tuple:
        return [each if type(each) in _SAME else _certain(each) for each in value]
    if kind is int and -LARGEST <= value <= LARGEST:
        return value
    raise _UncertainError


def _certain_float(value: float) -> float | int:
    if -_LARGEST_PLAIN <= value <= _LARGEST_PLAIN:
        if value.is_integer():
            return int(value)  # also of the negative zero
        if abs(value) >= _SMALLEST_PLAIN:
            return value
    raise _UncertainError


def _require_order(found: dict[Any, Any]) -> None:
    """Require names that both orders have in the same order."""
    try:
        names = "".join(found)
    except TypeError:
        raise _UncertainError from None
    if not names.isascii() and max(names) > _LAST_OF_ONE_UNIT:
        raise _UncertainError
