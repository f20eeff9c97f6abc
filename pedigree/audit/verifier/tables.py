"""The comparison of exported tables with the replay of the events.

A line of ``state.jsonl`` has the state of one model, as :func:`plain_state` writes it, with its
name in the log: the name that it was created with. A model that had its name after another one has
its number after that.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from .access import AccessReplay
from .access_states import EVENTS
from .comparing import UNREADABLE, compared, plain
from .names import NameReplay
from .replay import fold
from .report import LogReport
from .states import ReplayedModel


class _Actor(NamedTuple):
    name: str
    source: str


class _Event(NamedTuple):
    type: str
    model: str | None
    version: int | None
    at: datetime
    actor: _Actor
    body: dict[str, Any]


def plain_state(model: ReplayedModel) -> dict[str, Any]:
    """Return the state of a model as JSON values."""
    found: dict[str, Any] = plain(model)
    return found


class TableReplay:
    """Replays the events of all models, and compares the result with exported tables.

    Args:
        report: Where to write what was found.
    """

    def __init__(self, report: LogReport) -> None:
        self.access = AccessReplay(report)
        """The replay of the events of no model, which are about people and their rights."""
        self._report = report
        self._names = NameReplay()
        self._models: dict[str, ReplayedModel] = {}
        self._unreadable: set[str] = set()

    def add(self, content: bytes) -> None:
        """Replay the next event."""
        try:
            found = json.loads(content)
            name = found["model"]
            if name is None and found["type"] not in EVENTS:
                return
            event = _event(found)
        except UNREADABLE:
            self._report.found("an event cannot be read, so it cannot be replayed")
            return
        if name is None:
            self.access.add(event)
        else:
            self._add(name, event)

    def _add(self, name: str, event: _Event) -> None:
        try:
            name = self._names.log_name(event)
            if name in self._unreadable:
                return
            fold(self._models.setdefault(name, ReplayedModel()), event)
        except UNREADABLE as error:
            self._unreadable.add(name)
            self._report.found(f"{name}: its events cannot be replayed: {error!r}")

    def compare(self, lines: Iterable[bytes]) -> None:
        """Compare the exported tables of all models with what was replayed."""
        for line in lines:
            try:
                found = json.loads(line)
                name, stored = str(found["name"]), found["state"]
            except UNREADABLE:
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


def _event(found: dict[str, Any]) -> _Event:
    at = datetime.fromisoformat(found["at"])
    actor = _Actor(found["actor"]["name"], found["actor"]["source"])
    if not isinstance(found["model"], str | None):
        raise TypeError("the name of a model is a text")
    return _Event(found["type"], found["model"], found["version"], at, actor, found["body"])


def _differences(replayed: dict[str, Any], stored: Any) -> Iterator[str]:
    if not isinstance(stored, dict) or not isinstance(stored.get("versions"), dict):
        yield ": its exported state has another form"
        return
    yield from compared(": ", replayed, stored, leave_out="versions")
    versions, rows = replayed["versions"], stored["versions"]
    for number in sorted(versions.keys() | rows.keys(), key=str):
        if number not in rows or number not in versions:
            yield f"/{number}: {'its row is missing' if number in versions else 'it has no event'}"
        elif not isinstance(rows[number], dict):
            yield f"/{number}: its exported state has another form"
        else:
            yield from compared(f"/{number}: ", versions[number], rows[number])
