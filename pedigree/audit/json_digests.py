"""Digests of JSON values, by which events name values that the tables have."""

import hashlib

from pydantic import JsonValue

from pedigree._canonical_json import canonical_json


def json_digest(value: JsonValue) -> str:
    """Return the digest of a value's canonical JSON, the same before and after Postgres.

    Postgres writes a large number without exponent, which Python then parses as an integer.

    >>> json_digest({"rows": 2}) == json_digest({"rows": 2.0})
    True
    """
    return "sha256:" + hashlib.sha256(canonical_json(_with_floats(value))).hexdigest()


def _with_floats(value: JsonValue) -> JsonValue:
    match value:
        case bool() | str() | None:
            return value
        case int() | float():
            return float(value)
        case list():
            return [_with_floats(each) for each in value]
        case _:
            return {name: _with_floats(each) for name, each in value.items()}
