"""JSON of other systems, such as the metadata of a Dagster event, as the registry can store it.

Nobody can be asked to correct it, so what has no JSON form becomes a text that says so.
"""

import math
from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue
from pydantic_core import to_json

from pedigree._record import LARGEST
from pedigree._values import JSON_BYTES, JSON_DEPTH, TEXT_BYTES


def storable(found: Mapping[str, object]) -> dict[str, JsonValue]:
    """Return a JSON object within the bounds of values.

    Numbers that are not finite, characters that Postgres cannot store, and what is nested too deep
    become texts. If the object is too large, its largest values are left out.

    >>> storable({"auc": float("nan"), "rows": 2})
    {'auc': 'nan', 'rows': 2}
    """
    stored = {
        storable_text(name): _storable(value, JSON_DEPTH - 1) for name, value in found.items()
    }
    sizes = {name: len(to_json({name: value})) for name, value in stored.items()}
    total = sum(sizes.values())
    for name in sorted(sizes, key=lambda each: -sizes[each]):
        if total <= JSON_BYTES:
            break
        stored[name] = f"(left out: {sizes[name]:,} bytes)"
        total -= sizes[name] - len(to_json({name: stored[name]}))
    return stored


def storable_text(text: str, most: int = TEXT_BYTES) -> str:
    """Return a text within the bound of texts: NUL and halves of characters escaped, and cut."""
    plain = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace")
    if len(plain) <= most:
        return plain.decode()
    return f"{plain[: most - 3].decode(errors='ignore')}…"


def _storable(value: object, levels: int) -> JsonValue:
    if isinstance(value, Mapping | list | tuple):
        return _structure(value, levels) if levels else f"(nested deeper than {JSON_DEPTH} levels)"
    if isinstance(value, str):
        return storable_text(value, JSON_BYTES)
    is_kept = (
        value is None
        or (isinstance(value, float) and math.isfinite(value))
        or (isinstance(value, int) and abs(value) <= LARGEST)
    )
    if is_kept:
        return cast("JsonValue", value)
    # Python writes no integer of more than 4,300 decimal digits.
    return storable_text(hex(value) if isinstance(value, int) else repr(value))


def _structure(value: Any, levels: int) -> JsonValue:
    if isinstance(value, Mapping):
        return {
            storable_text(str(name)): _storable(each, levels - 1) for name, each in value.items()
        }
    return [_storable(each, levels - 1) for each in value]
