"""The comparison of exported tables with the replay of the events.

A line of ``state.jsonl`` has the state of one model, as :func:`plain_state` writes it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .replay import fold
from .report import LogReport
from .states import UNRECORDED, ReplayedModel

_UNRECORDED = {"unrecorded": True}
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
_MOST_SHOWN = 300


class _Actor(NamedTuple):
    name: str
    source: str


class _Event(NamedTuple):
    type: str
    version: int | None
    at: datetime
    actor: _Actor
    body: dict[str, Any]


def plain_state(model: ReplayedModel) -> dict[str, Any]:
    """Return the state of a model as JSON values."""
    found: dict[str, Any] = _plain(model)
    return found


class TableReplay:
    """Replays the events of all models, and compares the result with exported tables.

    Args:
        report: Where to write what was found.
    """

    def __init__(self, report: LogReport) -> None:
        self._report = report
        self._models: dict[str, ReplayedModel] = {}
        self._unreadable: set[str] = set()

    def add(self, content: bytes) -> None:
        """Replay the next event."""
        try:
            event = json.loads(content)
            name = event["model"]
        except _UNREADABLE:
            self._report.found("an event cannot be read, so it cannot be replayed")
            return
        if name is None or name in self._unreadable:
            return
        try:
            at = datetime.fromisoformat(event["at"])
            actor = _Actor(event["actor"]["name"], event["actor"]["source"])
            replayed = _Event(event["type"], event["version"], at, actor, event["body"])
            fold(self._models.setdefault(name, ReplayedModel()), replayed)
        except _UNREADABLE as error:
            self._unreadable.add(str(name))
            self._report.found(f"{name}: its events cannot be replayed: {error!r}")

    def compare(self, lines: Iterable[bytes]) -> None:
        """Compare the exported tables of all models with what was replayed."""
        for line in lines:
            try:
                found = json.loads(line)
                name, stored = str(found["name"]), found["state"]
            except _UNREADABLE:
                self._report.found("a line of the exported tables cannot be read")
                continue
            self._compare(name, stored, found.get("problem"))
        for name in sorted(self._models):
            self._report.found(f"{name}: the tables lack the model of its events")

    def _compare(self, name: str, stored: Any, problem: str | None) -> None:
        replayed = self._models.pop(name, None)
        if name in self._unreadable:
            return
        self._report.models += 1
        if problem is not None:
            self._report.found(f"{name}: {problem}")
        elif replayed is None:
            self._report.found(f"{name}: it has no event")
        else:
            for what in _differences(plain_state(replayed), stored):
                self._report.found(f"{name}{what}")


def _differences(replayed: dict[str, Any], stored: Any) -> Iterator[str]:
    if not isinstance(stored, dict) or not isinstance(stored.get("versions"), dict):
        yield ": its exported state has another form"
        return
    yield from _compared(": ", replayed, stored, leave_out="versions")
    versions, rows = replayed["versions"], stored["versions"]
    for number in sorted(versions.keys() | rows.keys(), key=str):
        if number not in rows or number not in versions:
            yield f"/{number}: {'its row is missing' if number in versions else 'it has no event'}"
        elif not isinstance(rows[number], dict):
            yield f"/{number}: its exported state has another form"
        else:
            yield from _compared(f"/{number}: ", versions[number], rows[number])


def _compared(
    place: str, replayed: dict[str, Any], stored: dict[str, Any], leave_out: str = ""
) -> Iterator[str]:
    for name, value in replayed.items():
        if name != leave_out and not _is_same(stored.get(name), value):
            row, events = _short(stored.get(name)), _short(value)
            yield f"{place}{name} is {row}, but {events} by its events"


def _is_same(one: Any, other: Any) -> bool:
    if _UNRECORDED in (one, other):
        return True
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(_is_same(one[k], other[k]) for k in one)
        case list(), list():
            return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other)


def _plain(value: Any) -> Any:
    if value is UNRECORDED:
        return _UNRECORDED
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in fields(value)
            if not field.name.startswith("_")
        }
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
