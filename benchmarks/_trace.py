"""Trace a call: functions and modules of Pedigree, and statements at the driver."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

import pedigree
from benchmarks._source import queries

FOLDER = Path(pedigree.__file__).parent
_PREFIX = f"{FOLDER}/"
_NAMES = {body: name for _, name, body in queries(FOLDER)}
_ENDS = ("BEGIN", "COMMIT", "ROLLBACK")


@dataclass
class Trace:
    """The trace of one call.

    A move is a call, or the resumption of a generator, from a function of one module straight into
    a function of another one. Library frames between two modules do not count.
    """

    functions: set[tuple[str, str]] = field(default_factory=set)
    """Module and name; lambdas and comprehensions do not count as functions."""
    modules: set[str] = field(default_factory=set)
    moves: int = 0
    executed: list[tuple[int | None, str]] = field(default_factory=list)
    """The number of the transaction, or None outside one, and the statement's name."""
    begun: dict[int, int] = field(default_factory=dict)
    """The open transaction of each connection."""
    others: frozenset[threading.Thread] = field(
        default_factory=lambda: frozenset(threading.enumerate()) - {threading.current_thread()}
    )
    """Threads that ran before the block, whose statements are none of the call's."""

    @property
    def statements(self) -> list[str]:
        """The statements without those that only start or end a transaction."""
        return [name for _, name in self.executed if name not in _ENDS]

    @property
    def transactions(self) -> int:
        """How many transactions were started."""
        return sum(name == "BEGIN" for _, name in self.executed)

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """Count an entry into a function of Pedigree; for `sys.setprofile`."""
        if event != "call" or (module := _module(frame)) is None:
            return
        name = frame.f_code.co_qualname
        if not name.endswith(">"):
            self.functions.add((module, name))
        self.modules.add(module)
        caller = _module(frame.f_back)
        self.moves += caller is not None and caller != module

    def execute(self, connection: psycopg.Connection[Any], query: object) -> None:
        """Record a statement before its execution, unless another call's thread executes it."""
        if threading.current_thread() in self.others:
            return
        name = _name(query)
        if connection.info.transaction_status == TransactionStatus.IDLE:
            self.begun.pop(id(connection), None)
        if name == "BEGIN":
            self.begun[id(connection)] = self.transactions + 1
        self.executed.append((self.begun.get(id(connection)), name))


def _module(frame: FrameType | None) -> str | None:
    path = frame.f_code.co_filename if frame else ""
    return path.removeprefix(_PREFIX) if path.startswith(_PREFIX) else None


def _name(query: object) -> str:
    text = query.as_string() if isinstance(query, sql.Composable) else str(query)
    if text in _NAMES:
        return _NAMES[text]
    word = text.split(maxsplit=1)[0].rstrip(";").upper()
    return word if word in _ENDS else " ".join(text.split())[:60]


@contextmanager
def traced() -> Iterator[Trace]:
    """Trace this thread, and those that start during the block."""
    seen = Trace()
    with _statements(psycopg.Cursor, seen), _statements(psycopg.ServerCursor, seen):
        threading.setprofile(seen.profile)
        sys.setprofile(seen.profile)
        try:
            yield seen
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


@contextmanager
def _statements(kind: type[Any], seen: Trace) -> Iterator[None]:
    """Make cursors of a class record what they execute."""
    execute = kind.execute

    def noting(cursor: Any, query: object, *rest: Any, **options: Any) -> Any:
        seen.execute(cursor.connection, query)
        return execute(cursor, query, *rest, **options)

    kind.execute = noting
    try:
        yield
    finally:
        kind.execute = execute
