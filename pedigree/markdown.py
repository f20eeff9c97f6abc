"""Filters that escape untrusted text for Markdown.

Every expression of a document's template goes through :func:`shown`, as HTML templates escape by
default. Text that must stay Markdown is wrapped in :class:`Markdown`, only by the filters here.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum

NOT_PROVIDED = "*not provided*"

# Letters and digits on both sides: an underscore there is never emphasis, and names stay readable.
_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
_LINE_START = re.compile(r"^(?:([#+=-])|(\d{1,9})([.)]))")
_PLAIN_CODE = re.compile(r"[\w ./:@+=,%()#-]+", re.ASCII)
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Unicode's bidirectional controls can make a text look like a different text.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


_LONGEST_TEXT = 2_000
_LONGEST_LIST = 65_536


class Markdown(str):
    """A text that is Markdown already."""

    __slots__ = ()


_MISSING = Markdown(NOT_PROVIDED)


def shown(value: object) -> str:
    """Return any value of a record as inline Markdown; a missing value becomes NOT_PROVIDED.

    A long value is shortened, and says by how much.
    """
    if value is None:
        return _MISSING
    if isinstance(value, Markdown):
        return value
    is_text = isinstance(value, str)
    if value == "" or (not is_text and isinstance(value, Mapping | Sequence) and not value):
        return _MISSING
    # A list is bounded where it is stored; one text must not make a table unreadable.
    text = _plain(value)
    return Markdown(_escaped(_shortened(text, _LONGEST_TEXT if is_text else _LONGEST_LIST)))


def code(value: object) -> Markdown:
    """Return an identifier as a code span, or as escaped text if a code span cannot hold it."""
    text = "" if value is None else str(value)
    if len(text) <= _LONGEST_TEXT and _PLAIN_CODE.fullmatch(text) and text == text.strip():
        return Markdown(f"`{text}`")
    return Markdown(shown(text))


def prose(value: str | Sequence[str] | None) -> Markdown:
    """Return a text as paragraphs, or a sequence of texts as a bullet list."""
    if isinstance(value, str):
        parts = [_line(part) for part in re.split(r"(?:\r?\n[^\S\n]*){2,}", value) if part.strip()]
        return Markdown("\n\n".join(parts) or NOT_PROVIDED)
    points = [f"- {_line(point)}" for point in value or () if point.strip()]
    return Markdown("\n".join(points) or NOT_PROVIDED)


def literal(value: str) -> Markdown:
    """Return a text as a double-quoted Python literal, for a fenced code block."""
    return Markdown(json.dumps(_visible(value), ensure_ascii=False))


def _plain(value: object) -> str:
    match value:
        case str() if not isinstance(value, Enum):
            text = str(value)
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        case Enum():
            text = str(value.value)
        case Mapping():
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        case Sequence():
            text = ", ".join(map(_plain, value))
        case _:
            text = str(value)
    return text


def _shortened(text: str, most: int) -> str:
    further = len(text) - most
    return text if further <= 0 else f"{text[:most]}… ({further:,} further characters)"


def _escaped(text: str) -> str:
    text = " ".join(_visible(text).split()).translate(_HTML)
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)


def _line(text: str) -> str:
    """Return an escaped text for a line of its own, whose first character must not open a block."""
    return _LINE_START.sub(
        lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", _escaped(text)
    )


def _visible(text: str) -> str:
    if text.isprintable():  # the usual case, without hidden characters
        return text
    return "".join(
        character if character.isspace() else "\ufffd" if _hidden(character) else character
        for character in text
    )


def _hidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in {"Cc", "Cs"}
