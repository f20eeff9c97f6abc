"""The comparison of exported rows of people and their rights with the replay of the events.

A line of ``access.jsonl`` has one row, as :func:`exported_row` writes it.
"""

import json
from collections.abc import Iterable
from typing import Any

from .access_states import ReplayedAccess, Row
from .comparing import UNREADABLE, plain
from .report import LogReport
from .states import ReplayableEvent


def exported_row(table: str, key: str, row: Row) -> dict[str, Any]:
    """Return a row as a line of an export has it."""
    return {"table": table, "key": key, "row": plain(row)}


class AccessReplay:
    """Replays the events about people and their rights, and compares exported rows with them.

    Args:
        report: Where to write what was found.
    """

    def __init__(self, report: LogReport) -> None:
        self._report = report
        self._state = ReplayedAccess()

    def add(self, event: ReplayableEvent) -> None:
        """Replay the next event."""
        try:
            self._state.fold(event)
        except UNREADABLE as error:
            self._report.found(f"an event {event.type} cannot be replayed: {error!r}")

    def compare(self, lines: Iterable[bytes]) -> None:
        """Compare exported rows with those that the events give."""
        for line in lines:
            try:
                found = json.loads(line)
                table, key = str(found["table"]), str(found["key"])
                problems = list(self._state.differences(table, key, dict(found["row"])))
            except UNREADABLE:
                self._report.found("a line of the exported rows of access cannot be read")
                continue
            self._report.access_rows += 1
            for problem in problems:
                self._report.found(f"{table} {key}: {problem}")
        for table, key in self._state.missing():
            self._report.found(f"{table} {key}: its row is missing")
