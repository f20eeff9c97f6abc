"""The order of results, and the cursor that marks the end of a page."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from pedigree.catalog.search.ast import Field, FieldPlace
from pedigree.catalog.search.fields import FIELDS, Kind, check_field
from pedigree.errors import InvalidSearchError

MAX_KEYS = 5
_KEY = re.compile(
    r"\s*(?P<name>\w+)(?:\.(?P<key>\"(?:[^\"]|\"\")+\"|[\w.]+))?(?:\s+(?P<way>asc|desc))?\s*",
    re.IGNORECASE,
)
_ALLOWED = ("name", "created_at DESC", 'metrics."roc auc" DESC', "several, with commas between")


@dataclass(frozen=True, kw_only=True, slots=True)
class SortKey:
    """A field to sort by; versions without a value come last in both directions."""

    field: Field
    descending: bool

    @property
    def kind(self) -> Kind:
        """The field's type."""
        return FIELDS[self.field.name].kind

    def __str__(self) -> str:
        return f"{self.field}{' DESC' if self.descending else ''}"


NEWEST = SortKey(field=Field(name="created_at", place=FieldPlace(start=0, end=0)), descending=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """The end of a page: the last version and its sort values."""

    values: tuple[JsonValue, ...]
    model_id: int
    version: int


def parse_order(given: str | Sequence[str] | None) -> tuple[SortKey, ...]:
    """Return the keys of an order such as ``"metrics.auc DESC, name"``; newest first if None.

    Raises:
        InvalidSearchError: It cannot be read, or names a field that is not sortable.
    """
    if given is None:
        return (NEWEST,)
    text = given if isinstance(given, str) else ", ".join(given)
    keys: list[SortKey] = []
    at = 0
    while at <= len(text):
        found = _KEY.match(text, at)
        if found is None or text[found.end() : found.end() + 1] not in {"", ","}:
            raise _refusal("no order", text, (at, len(text)), _ALLOWED)
        keys.append(_sort_key(text, found))
        at = found.end() + 1
    if len(keys) > MAX_KEYS:
        raise _refusal(f"more than {MAX_KEYS} keys", text, (0, len(text)), _ALLOWED)
    return tuple(keys)


def _sort_key(text: str, found: re.Match[str]) -> SortKey:
    key = found["key"]
    if key and key.startswith('"'):
        key = key[1:-1].replace('""', '"')
    end = found.end("key") if key else found.end("name")
    place = FieldPlace(start=found.start("name"), end=end)
    field = Field(name=found["name"].lower(), key=key, place=place)
    check_field(field, text, sort=True)
    return SortKey(field=field, descending=(found["way"] or "").lower() == "desc")


def write_cursor(position: Position, bound_to: str) -> str:
    """Return a cursor: opaque, and valid only for the search that it is bound to."""
    content = [*position.values, position.model_id, position.version]
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(body, bound_to) + body).rstrip(b"=").decode()


def read_cursor(cursor: str, bound_to: str) -> Position:
    """Return the position of a cursor.

    Raises:
        InvalidSearchError: It is damaged, or belongs to another search.
    """
    try:
        sealed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (binascii.Error, UnicodeEncodeError, ValueError):
        sealed = b""
    seal, body = sealed[:12], sealed[12:]
    if not body or seal != _seal(body, bound_to):
        raise InvalidSearchError(
            "it is damaged, or belongs to another filter or order",
            expression=cursor,
            place=(0, len(cursor)),
            remedy="Give the cursor of the previous page, with the same filter and order",
            field="after",
        )
    *values, model_id, version = json.loads(body)
    return Position(values=tuple(values), model_id=model_id, version=version)


def _seal(body: bytes, bound_to: str) -> bytes:
    return hashlib.sha256(bound_to.encode() + b"\0" + body).digest()[:12]


def cursor_value(value: object) -> JsonValue:
    """Return a sort value as a cursor stores it."""
    return value.isoformat() if isinstance(value, datetime) else value  # type: ignore[return-value]


def _refusal(
    message: str, text: str, place: tuple[int, int], allowed: Sequence[str]
) -> InvalidSearchError:
    return InvalidSearchError(
        message, expression=text, place=place, allowed=allowed, field="order_by"
    )
