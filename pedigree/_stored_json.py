"""Reading JSON that was stored before its depth was bounded: what is too deep becomes a text.

Parsers stop at about 200 levels, so one such value would make every list with it unreadable.
"""

import re
from contextlib import suppress
from typing import Any

from pydantic_core import from_json

from pedigree._values import JSON_DEPTH

READABLE_DEPTH = JSON_DEPTH + 32
"""How deep stored JSON is read: a record or an event has JSON values some levels deep in it."""

TOO_DEEP = f"(nested deeper than {READABLE_DEPTH} levels)"
"""The text that stands for a part that is nested deeper."""

_SKELETON = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def from_stored_json(data: bytes | str, levels: int = READABLE_DEPTH) -> Any:
    """Parse JSON of the database.

    Args:
        data: The JSON.
        levels: How deep it is read; :data:`TOO_DEEP` stands for a deeper part.
    """
    if is_shallow(data, levels):
        with suppress(ValueError):  # brackets in texts can make deep JSON look shallow
            return from_json(data)
    return from_json(pruned_json(data if isinstance(data, str) else data.decode(), levels))


def is_shallow(data: bytes | str, levels: int = READABLE_DEPTH) -> bool:
    """Return whether JSON is nested at most so deep; it is not parsed.

    >>> is_shallow('{"a": [1, "[["]}', levels=2), is_shallow("[[[]]]", levels=2)
    (True, False)
    """
    raw = data.encode() if isinstance(data, str) else data
    skeleton = raw.translate(_SKELETON, _NO_BRACKETS)
    # Each round removes the innermost level. Brackets in texts leave a rest, which decides nothing.
    for _ in range(levels):
        if not skeleton:
            return True
        skeleton = skeleton.replace(b"[]", b"")
    return not skeleton or _depth(raw.decode()) <= levels


def pruned_json(text: str, levels: int) -> str:
    """Return JSON in which :data:`TOO_DEEP` stands for what is nested deeper."""
    parts, depth, kept = [], 0, 0
    for token in _TOKENS.finditer(text):
        depth += _STEPS.get(token[0], 0)
        if token[0] in "[{" and depth == levels + 1:
            parts += [text[kept : token.start()], f'"{TOO_DEEP}"']
        elif token[0] in "]}" and depth == levels:
            kept = token.end()
    return "".join((*parts, text[kept:]))


def _depth(text: str) -> int:
    deepest = depth = 0
    for token in _TOKENS.finditer(text):
        depth += _STEPS.get(token[0], 0)
        deepest = max(deepest, depth)
    return deepest
