"""What a client did, in a file that outlives it: written before each operation and after it.

One line is one write to a file that is opened for appending, so `kill -9` loses no line and tears
at most the last one.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

Line: TypeAlias = dict[str, Any]


class Operation(NamedTuple):
    """An operation of a client, and how it ended.

    Args:
        name: Unique over all clients; the registry's events carry it.
        kind: Such as ``register``.
        outcome: ``done`` (acknowledged), ``refused`` (by a rule), ``unknown`` (unavailable, or the
            client was killed) or ``untyped`` (an error that is none of ours).
        about: The answer of the registry, or the error.
    """

    name: str
    kind: str
    outcome: str
    about: str


class Journal:
    """The journal of one client.

    Args:
        path: The file; it may exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, name: str, kind: str, outcome: str, about: str = "") -> None:
        """Append a line."""
        line = {"name": name, "kind": kind, "outcome": outcome, "about": about}
        os.write(self._file, b"\n" + json.dumps(line).encode())

    @property
    def begun(self) -> int:
        """How many operations this client has begun, in all its lives."""
        return sum(line["outcome"] == "begun" for line in lines_of(self._path))


def operations(paths: Iterable[Path]) -> list[Operation]:
    """Return the operations of some journals; without an outcome it is unknown."""
    found: dict[str, Line] = {}
    for path in paths:
        for line in lines_of(path):
            found[line["name"]] = line
    return [
        Operation(
            **{**line, "outcome": "unknown" if line["outcome"] == "begun" else line["outcome"]}
        )
        for line in found.values()
    ]


def lines_of(path: Path) -> Iterator[Line]:
    """Yield the lines of a journal, without one that a kill has torn."""
    for text in path.read_text().splitlines():
        try:
            yield json.loads(text)
        except json.JSONDecodeError:
            continue
