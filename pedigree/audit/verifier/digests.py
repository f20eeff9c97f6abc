"""Digests of JSON values: SHA-256 of their canonical form (RFC 8785)."""

import hashlib
import json
from decimal import Decimal
from typing import Any

from .hashes import UnverifiedLogError

# ECMAScript writes a number without an exponent between these powers of ten.
_LEAST_PLAIN, _MOST_PLAIN = -6, 21


def json_digest(value: Any) -> str:
    """Return the digest of a value, whose numbers count as floats.

    >>> json_digest({"rows": 2}) == json_digest({"rows": 2.0})
    True

    Raises:
        UnverifiedLogError: It has no canonical form.
    """
    try:
        return "sha256:" + hashlib.sha256(_canonical(value).encode()).hexdigest()
    except (ValueError, OverflowError) as error:
        raise UnverifiedLogError("a value has no canonical JSON") from error


def _canonical(value: Any) -> str:
    match value:
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            pairs = (f"{_text(name)}:{_canonical(value[name])}" for name in names)
            return f"{{{','.join(pairs)}}}"
        case list():
            return f"[{','.join(map(_canonical, value))}]"
        case str() | bool() | None:
            return _text(value)
        case _:
            return _number(float(value))


def _text(value: str | bool | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Return a number as ECMAScript writes it (ECMA-262, Number::toString)."""
    if not value:
        return "0"
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(power, int):
        raise UnverifiedLogError("a number is not finite")
    text, point = "".join(map(str, digits)), len(digits) + power
    if 0 < point <= _MOST_PLAIN:
        shown = text.ljust(point, "0")
        shown = shown if len(shown) == point else f"{shown[:point]}.{shown[point:]}"
    elif _LEAST_PLAIN < point <= 0:
        shown = f"0.{'0' * -point}{text}"
    else:
        rest = f".{text[1:]}" if len(text) > 1 else ""
        shown = f"{text[0]}{rest}e{point - 1:+d}"
    return f"{'-' if sign else ''}{shown}"
