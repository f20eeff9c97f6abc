"""What the roles of the database cost: point reads, creations and the seven forms of searches.

Two copies of one registry are used by turns. One is used in the application's role, with policies,
settings in each message and checked events. The other is used by the owner, without any of these.
Each figure is the median ratio of processor time of this process and its session of Postgres.
``--versions N`` sets how many versions each of the 500 models has (20 by default).
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import Connection, Cursor

from benchmarks._million import fill
from benchmarks._million_rows import Shape, name_of
from benchmarks._report import Measured, report
from benchmarks.search import cases
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Settings, Signature
from pedigree.artifacts.objects import open_store
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.references import parse_reference
from pedigree.catalog.store import SQL
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres._asking_connection import AskingConnection, AskingCursor
from pedigree.postgres.migrate import migrate
from pedigree.postgres.pipe import Pipe
from pedigree.postgres.pipe_statements import PipeStatement
from pedigree.signatures.records import ColumnType

_MODELS = 500
_TURNS = 11
_TARGET = 1.05
_FIND = PipeStatement.of(SQL["find_versions"])
# The functions as they were before they looked at what they are given.
_UNCHECKED = """
CREATE OR REPLACE FUNCTION pedigree.is_own_event(
    canonical bytea, event_id uuid, type text, model text, version integer, at timestamptz,
    actor jsonb
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN true; END $$
"""


class Side(NamedTuple):
    """A registry with or without the fence, and its session of Postgres."""

    registry: Registry
    is_fenced: bool
    pid: int


def main() -> int:
    """Measure and report; return the exit code."""
    words = sys.argv[1:]
    versions = int(words[words.index("--versions") + 1]) if "--versions" in words else 20
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ending:
        home = Path(folder)
        server = EmbeddedPostgres(home)
        ending.callback(server.stop, force=True)
        _fill(server, Shape(models=_MODELS, versions=versions))
        filled, empty = (
            [ending.enter_context(_side(server, home, each, more)) for each in (False, True)]
            for more in ("", "_empty")
        )
        figures = [
            figure
            for is_limited in (False, True)
            for figure in _measured(filled, empty, home, is_limited)
        ]
    return report(figures, words)


def _fill(server: EmbeddedPostgres, shape: Shape) -> None:
    for name in ("open", "open_empty"):
        with Database.embedded(server, name) as database:
            migrate(database)
    fill(server.url("open"), shape)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE fenced TEMPLATE open")
    for name in ("fenced", "fenced_empty"):
        with Database.embedded(server, name) as database:
            migrate(database, roles=True)
    for name in ("open", "open_empty"):
        with Database.embedded(server, name) as database:
            database.transaction(lambda transaction: transaction.execute(_UNCHECKED))


@contextmanager
def _side(server: EmbeddedPostgres, home: Path, is_fenced: bool, more: str) -> Iterator[Side]:
    name = ("fenced" if is_fenced else "open") + more
    settings = Settings(home=home / name, actor="benchmark")
    with Database.embedded(server, name, connections=1, as_application=is_fenced) as database:
        (row,) = database.fetch_all("SELECT pg_backend_pid() AS pid")
        yield Side(
            Registry(database, open_store(None, home / name), settings), is_fenced, row["pid"]
        )


def _measured(
    filled: list[Side], empty: list[Side], home: Path, is_limited: bool
) -> Iterator[Measured]:
    names = [name_of(number) for number in range(1, _MODELS + 1, _MODELS // 10)]
    who = "ten models" if is_limited else "all models"
    given, new = (
        [_for_principal(side, names if is_limited else None) for side in sides]
        for sides in (filled, empty)
    )
    yield _figure(f"point read, {who}", given, partial(_point_reads, names=names), 200)
    yield _figure(f"read in process, {who}", given, partial(_reads, names=names), 60)
    yield _figure(f"creation, {who}", new, partial(_creations, home=home, names=names), 12)
    for case in cases(given[0].registry):
        number = [each.what for each in cases(given[0].registry)].index(case.what)
        yield _figure(f"search: {case.what}, {who}", given, partial(_searches, number=number), 6)


def _for_principal(side: Side, names: list[str] | None) -> Side:
    if names is None:
        return side
    actor = Actor(name="benchmark", source="benchmark")
    return side._replace(registry=side.registry.acting_as(actor, sees=names))


Work = Callable[[Side, int], int]
"""Does something a number of times, and returns the session of Postgres that did it."""


def _figure(what: str, sides: list[Side], work: Work, times: int) -> Measured:
    ratios = []
    for turn in range(_TURNS + 1):
        open_s, fenced_s = (
            _costs(partial(work, side), times, side)
            for side in (sides if turn % 2 == 0 else reversed(sides))
        )
        if turn % 2:
            open_s, fenced_s = fenced_s, open_s
        if turn:  # the first is for plans and caches
            ratios.append(fenced_s / open_s)
    print(f"{what}: {median(ratios):.3f}", file=sys.stderr, flush=True)
    return Measured(what=what, value=median(ratios), unit="times", target=_TARGET, at_least=False)


def _costs(work: Callable[[int], int], times: int, side: Side) -> float:
    with _asking(side.is_fenced):
        before = {side.pid: _of_session(side.pid)}
        started = time.process_time()
        pid = work(times)
        own = time.process_time() - started
    # A pipe has a session of its own, which ends with it and reports its time before.
    return own + (_PIPE.pop() if pid == 0 else _of_session(pid) - before[pid])


def _of_session(pid: int) -> float:
    """Return the seconds of processor time of a process, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


_PIPE: list[float] = []


def _point_reads(side: Side, times: int, *, names: list[str]) -> int:
    asyncio.run(_read_by_pipe(side, times, names))
    return 0


async def _read_by_pipe(side: Side, times: int, names: list[str]) -> None:
    database = side.registry.database
    pipe = Pipe(database.source, [_FIND])
    pipe.start()
    while pipe._connection is None:
        await asyncio.sleep(0.001)
    pid = pipe._connection.backend_pid
    before = _of_session(pid)
    for number in range(times):
        reference = parse_reference(f"{names[number % len(names)]}/{1 + number % 10}")
        rows = await pipe.ask(_FIND, lookups.values_of(reference), database.asker)
        assert len(rows) == 1
    _PIPE.append(_of_session(pid) - before)
    pipe.close()


def _reads(side: Side, times: int, *, names: list[str]) -> int:
    for number in range(times):
        side.registry.get(f"{names[number % len(names)]}/{1 + number % 10}")
    return side.pid


def _creations(side: Side, times: int, *, home: Path, names: list[str]) -> int:
    file = home / "weights"
    for number in range(times):
        file.write_text(f"{time.perf_counter_ns()}", encoding="ascii")
        side.registry.register(names[number % len(names)], file, _new_version())
    return side.pid


def _new_version() -> NewVersion:
    column = Column(name="age", type=ColumnType.DOUBLE)
    return NewVersion(
        metadata=DeclaredMetadata(
            flavor="generic",
            signature=Signature(inputs=(column,), outputs=(column,)),
            run_id="run-1",
            git_commit="0123456789abcdef0123456789abcdef01234567",
            git_dirty=False,
            metrics={"auc": 0.9},
        )
    )


def _searches(side: Side, times: int, *, number: int) -> int:
    case = cases(side.registry)[number]
    for run in range(times):
        case.search(run)
    return side.pid


def _begin(connection: AskingConnection, command: LiteralString) -> None:
    Cursor(connection).execute(command)


@contextmanager
def _asking(is_fenced: bool) -> Iterator[None]:
    """Send no settings without the fence, as before there was one."""
    if is_fenced:
        yield
        return
    kept = AskingCursor._maybe_prepare_gen, AskingConnection.pipeline, AskingConnection.begin
    AskingCursor._maybe_prepare_gen = Cursor._maybe_prepare_gen  # type: ignore[method-assign]
    AskingConnection.pipeline = Connection.pipeline  # type: ignore[method-assign]
    AskingConnection.begin = _begin  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        (
            AskingCursor._maybe_prepare_gen,  # type: ignore[method-assign]
            AskingConnection.pipeline,  # type: ignore[method-assign]
            AskingConnection.begin,  # type: ignore[method-assign]
        ) = kept


if __name__ == "__main__":
    sys.exit(main())
