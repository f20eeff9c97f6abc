"""The comparison of a row as the tables have it with the row that the events give."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from .states import UNRECORDED

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What JSON of another form raises where it is used."""
_UNRECORDED, _SOON_AFTER = {"unrecorded": True}, "soon_after"
_LITERAL = "literal"
# An object of somebody's that looks like one of ours is put into another one.
_MARKS = frozenset({*_UNRECORDED, _SOON_AFTER, _LITERAL})
_MOST_SHOWN = 300
_SOON = timedelta(seconds=10)


class SoonAfter(NamedTuple):
    """A time that the table has from a later moment of the same transaction."""

    at: datetime


def compared(
    place: str, replayed: dict[str, Any], stored: dict[str, Any], leave_out: str = ""
) -> Iterator[str]:
    """Yield each value of a row that its events do not give, after the row's place."""
    for name, value in replayed.items():
        if name != leave_out and not _is_same(stored.get(name), value):
            row, events = _short(stored.get(name)), _short(value)
            yield f"{place}{name} is {row}, but {events} by its events"


def plain(value: Any) -> Any:
    """Return a value as JSON has it, with times in UTC."""
    match value:
        case _ if value is UNRECORDED:
            found: Any = _UNRECORDED
        case SoonAfter():
            found = {_SOON_AFTER: plain(value.at)}
        case datetime():
            found = value.astimezone(UTC).isoformat()
        case _ if is_dataclass(value):
            names = (field.name for field in fields(value) if not field.name.startswith("_"))
            found = {name: plain(getattr(value, name)) for name in names}
        case dict():
            found = {str(name): plain(each) for name, each in value.items()}
            found = {_LITERAL: found} if _MARKS.issuperset(found) and found else found
        case list() | tuple():
            found = [plain(each) for each in value]
        case _:
            found = value
    return found


def _is_same(one: Any, other: Any) -> bool:
    if _UNRECORDED in (one, other):
        return True
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(_is_same(one[k], other[k]) for k in one)
        case list(), list():
            return len(one) == len(other) and all(map(_is_same, one, other))
        case str(), dict() if other.keys() == {_SOON_AFTER}:
            passed = datetime.fromisoformat(one) - datetime.fromisoformat(other[_SOON_AFTER])
            return timedelta(0) <= passed <= _SOON
    return bool(one == other)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
