"""The bounds of values, and the check of every value that enters a registry.

A type states a bound, in JSON schemas as well; :func:`require_values` enforces it. Only entrances
call it (:mod:`pedigree.contract._entrance`), so records that were stored before a bound existed can
still be read.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from os import PathLike
from typing import Annotated, Any, TypeAlias, get_args, get_type_hints

from pydantic import BaseModel, GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema, to_json

from pedigree._error import InvalidInputError
from pedigree._plain_values import is_plain, is_small

TEXT_BYTES = 65_536
"""The most bytes of any text in UTF-8."""

KEY_BYTES = 800
"""The most bytes of a text in an index: three of them fit an entry, a third of a page."""

JSON_BYTES = 262_144
"""The most bytes of a JSON value, such as the params of a version."""

JSON_DEPTH = 64
"""How deep a JSON value may be nested; parsers of other languages stop at 100 and more."""

RECORD_BYTES = 4 << 20
"""The most bytes of a record as JSON, without its lineage."""

GRAPH_BYTES = 64 << 20
"""The most bytes of a lineage graph as JSON: some two hundred thousand nodes."""


@dataclass(frozen=True)
class Bound:
    """An annotation of a type: the bound of its values.

    Attributes:
        size: The most bytes: of each text, or of the whole JSON value.
        is_json: The value is bounded as a whole, in its depth as well.
        is_private: The value belongs to the caller and may be a secret; messages leave it out.
    """

    size: int
    is_json: bool = False
    is_private: bool = False

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON schema with the bound."""
        stated = handler(schema)
        if self.is_json:
            return {**stated, "x-max-bytes": self.size, "x-max-depth": JSON_DEPTH}
        return {**stated, "maxLength": self.size, "x-max-bytes": self.size}


# A structure may hold the same part many times: beyond a multiple of its bound, it is not measured.
_REPEATED = 4
_PLAIN = Bound(TEXT_BYTES)
_AS_A_FILE = "Store it as a file of the version"

Text: TypeAlias = Annotated[str, _PLAIN]
"""Text as in JSON and Postgres: Unicode without NUL, at most ``TEXT_BYTES`` in UTF-8.

Every ``str`` of a record or a verb has this bound; the type states it in a JSON schema.
"""

Key: TypeAlias = Annotated[str, Bound(KEY_BYTES)]
"""A text by which the database finds rows, at most ``KEY_BYTES`` in UTF-8."""

JSON = Bound(JSON_BYTES, is_json=True, is_private=True)
"""The bound of a JSON value: finite numbers, ``JSON_DEPTH`` levels, at most ``JSON_BYTES``."""

JsonObject: TypeAlias = Annotated[dict[str, JsonValue], JSON]
"""A JSON object with that bound."""

TextObject: TypeAlias = Annotated[dict[str, str], Bound(TEXT_BYTES, is_json=True, is_private=True)]
"""A JSON object of texts, at most ``TEXT_BYTES``."""

Texts: TypeAlias = Annotated[tuple[str, ...], Bound(TEXT_BYTES, is_json=True)]
"""A list of texts, such as owners, at most ``TEXT_BYTES`` as JSON."""

ManyTexts: TypeAlias = Annotated[Sequence[str], Bound(TEXT_BYTES, is_json=True)]
"""As :data:`Texts`, of any kind of sequence."""

TagTexts: TypeAlias = Annotated[Mapping[str, str], Bound(TEXT_BYTES, is_json=True, is_private=True)]
"""As :data:`TextObject`, of any kind of mapping."""

TagChanges: TypeAlias = Annotated[
    Mapping[str, str | None], Bound(TEXT_BYTES, is_json=True, is_private=True)
]
"""Tags to set; a tag of None is removed."""

GRAPH = Bound(GRAPH_BYTES, is_json=True)
"""The bound of a lineage graph."""

NUMBERS = Bound(JSON_BYTES, is_json=True)
"""The bound of a JSON object of numbers, such as metrics."""


def require_values(
    value: object,
    field: str = "",
    *,
    bound: Bound | None = None,
    error: type[InvalidInputError] = InvalidInputError,
) -> None:
    """Check every text, number and JSON value within a value.

    Args:
        value: A record, a structure of records and plain values, or any other object, which is not
            looked into.
        field: Its name in messages; fields of a record follow it. The fields of a record with a
            ``value_error`` are named alone, and that is the class of the error.
        bound: The bound of the value itself; that of a text when None.
        error: The class of the error.

    Raises:
        InvalidInputError: A text is not Unicode, has a NUL or is too long; a number is not finite;
            a JSON value is nested too deep or too large. The message names the key.
    """
    bound = bound or _PLAIN
    if is_plain(value, bound.size, min(bound.size, KEY_BYTES)):
        return
    check = _Check(error)
    check.visit(value, field, bound, 0)
    if isinstance(value, BaseModel):
        larger = {name for name, one in bounds_of(type(value)).items() if one.size > RECORD_BYTES}
        rest = value.model_dump(mode="json", exclude=larger) if larger else value
        check.require_size(rest, field or type(value).__name__, RECORD_BYTES)


class _Check:
    """One check of a value; ``error`` is the class of what it raises."""

    def __init__(self, error: type[InvalidInputError]) -> None:
        self._error = error
        self._top = ""  # the last key of a JSON value that was entered
        self._free = GRAPH_BYTES  # bytes that may still come

    def visit(self, value: object, path: str, bound: Bound, depth: int) -> None:
        """Check a value and all values in it."""
        match value:
            case str():
                self._text(value, path, bound)
            case float() if not math.isfinite(value):
                remedy = "Give a finite number, or leave it out"
                self._refuse("is not a finite number", path, remedy, value)
            case int() if not is_small(value):
                self._refuse("is an integer beyond 64-bit floats", path, "Write it as a text")
            case PathLike():
                self._path(value, path)
            case BaseModel():
                self._record(value, path)
                if bound.is_json:
                    self.require_size(value, path, bound.size)
            case Mapping() | list() | tuple() | set() | frozenset():
                self._structure(value, path, bound, depth)

    def _record(self, record: BaseModel, path: str) -> None:
        own_error = getattr(type(record), "value_error", None)
        check, path = (_Check(own_error), "") if own_error else (self, path)
        bounds = bounds_of(type(record))
        for name, value in record.__dict__.items():
            if value is not None:
                check.visit(value, _joined(path, name), bounds.get(name, _PLAIN), 0)

    def _structure(self, value: Any, path: str, bound: Bound, depth: int) -> None:
        if depth == 1:
            self._top = path
        if depth >= JSON_DEPTH:
            self._refuse(
                f"is nested deeper than {JSON_DEPTH} levels",
                self._top,
                f"{_AS_A_FILE}, or as a JSON text",
            )
        if depth == 0:
            most = bound.size if bound.is_json else RECORD_BYTES
            free, self._free = self._free, _REPEATED * most
            self._members(value, path, bound, depth)
            self._free = free
            self.require_size(value, path, most)
        else:
            self._members(value, path, bound, depth)

    def _members(self, value: Any, path: str, bound: Bound, depth: int) -> None:
        for name, inner in _items(value):
            if isinstance(name, str):
                self._text(name, _joined(path, "a key"), bound)
            self._free -= 1 + (len(inner) if isinstance(inner, str) else 0)
            if self._free < 0:
                self._refuse("is too large", self._top or path, _AS_A_FILE)
            self.visit(inner, _joined(path, str(name)), bound, depth + 1)

    def require_size(self, value: object, path: str, most: int) -> None:
        """Check how many bytes a value has as JSON."""
        if (size := len(to_json(value, fallback=repr))) > most:
            self._refuse(
                f"has {size:,} bytes as JSON, more than {most:,}",
                path,
                _AS_A_FILE,
            )

    def _text(self, text: str, path: str, bound: Bound) -> None:
        shown = None if bound.is_private else text
        if "\0" in text:
            self._refuse("has a NUL character", path, "Leave it out", shown)
        try:
            size = len(text) if text.isascii() else len(text.encode())
        except UnicodeEncodeError:
            self._refuse(
                "is not Unicode text: it has bytes that are not UTF-8, or half a character",
                path,
                "Write it in UTF-8, and set the terminal to UTF-8",
                shown,
            )
            return
        if not bound.is_json and size > bound.size:
            self._refuse(
                f"has {size:,} bytes in UTF-8, more than {bound.size:,}", path, "Shorten it", shown
            )

    def _path(self, path: "PathLike[Any]", field: str) -> None:
        if "\0" in str(path):
            self._refuse("has a NUL character", field, "Name a file or a folder", str(path))

    def _refuse(self, problem: str, path: str, remedy: str, value: object = None) -> None:
        raise self._error(problem, field=path or None, value=value, remedy=remedy)


def _items(value: Any) -> Iterator[tuple[object, object]]:
    return iter(value.items()) if isinstance(value, Mapping) else iter(enumerate(value))


def _joined(path: str, name: str) -> str:
    name = name.encode("ascii", "backslashreplace").decode() if not name.isprintable() else name
    return f"{path}.{name}" if path else name


@cache
def bounds_of(record: type) -> Mapping[str, Bound]:
    """Return the bounds that the fields of a record, or of a typed dictionary, state."""
    hints = get_type_hints(record, include_extras=True)
    found = {name: bound_of(hint) for name, hint in hints.items()}
    return {name: bound for name, bound in found.items() if bound is not None}


def bound_of(hint: object) -> Bound | None:
    """Return the bound that an annotation states, also within a union or a tuple."""
    for stated in getattr(hint, "__metadata__", ()):
        if isinstance(stated, Bound):
            return stated
    return next(filter(None, map(bound_of, get_args(hint))), None)
