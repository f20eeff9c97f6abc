"""What the rows and indexes of pages cost a creation: against the same registry without them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from time import process_time
from typing import LiteralString

import psycopg
from psycopg import Connection, sql

from benchmarks._fence_sides import SETTINGS, put_objects
from benchmarks._million import fill
from benchmarks._million_rows import Shape, name_of
from benchmarks._processor import Sessions
from benchmarks._report import Measured
from benchmarks._turns import Block, by_turns
from benchmarks.register import new_version
from pedigree import Registry, Settings
from pedigree.artifacts.objects import open_store
from pedigree.artifacts.records import ManifestFile, digest_of
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate

_SHAPE = Shape(models=200, versions=50)
_MODELS = 10
_TIMES = 10
_BYTES = 16 << 10
_MOST = 1.02

_WITH = "with"
_WITHOUT: dict[str, tuple[LiteralString, ...]] = {
    "the index of a version's events": ("DROP INDEX pedigree.event_of_version",),
    "the row of lists, its indexes and its noted changes": (
        "DROP TRIGGER model_shown ON pedigree.registered_model",
        "DROP TRIGGER model_shown_changed ON pedigree.registered_model",
        "DROP TRIGGER found_version_added ON pedigree.search_version",
        "DROP TRIGGER found_version_changed ON pedigree.search_version",
        "DROP TRIGGER stage_moved ON pedigree.tenure",
    ),
    "the indexes and noted changes of lists": (
        "DROP INDEX pedigree.search_model_newest, pedigree.search_model_metric,"
        " pedigree.search_model_waiting, pedigree.search_model_asking,"
        " pedigree.search_model_stale, pedigree.search_model_drifted,"
        " pedigree.search_model_quarantined",
        "DROP TRIGGER listed_model_added ON pedigree.search_model",
        "DROP TRIGGER listed_model_changed ON pedigree.search_model",
    ),
}


def creations(home: Path, rounds: int) -> Iterator[Measured]:
    """Yield the ratio of a creation's processor time to that without each of some parts.

    Args:
        home: An empty folder.
        rounds: How many rounds each figure has.
    """
    with _blocks(home) as blocks:
        costs = by_turns(blocks, rounds)
    for what in _WITHOUT:
        found = costs.ratio(_WITH, what)
        yield Measured(
            what=f"a creation with {what} ({found}; {1000 * costs.of(_WITH):.2f} ms)",
            value=found.value,
            unit="times",
            target=_MOST,
            at_least=False,
        )


@contextmanager
def _blocks(home: Path) -> Iterator[dict[str, Block]]:
    server = EmbeddedPostgres(home, settings=SETTINGS)
    with ExitStack() as ending:
        ending.callback(server.stop, force=True)
        with Database.embedded(server, "filled") as database:
            migrate(database)
        fill(server.url("filled"), _SHAPE)
        watching = ending.enter_context(psycopg.connect(server.url("postgres"), autocommit=True))
        sides = (_WITH, *_WITHOUT)
        yield {
            side: ending.enter_context(_block_of(server, home, f"side_{number}", side, watching))
            for number, side in enumerate(sides)
        }


@contextmanager
def _block_of(
    server: EmbeddedPostgres, home: Path, name: str, side: str, watching: Connection
) -> Iterator[Block]:
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE filled STRATEGY FILE_COPY")
    watching.execute(copy.format(sql.Identifier(name)))
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        for command in _WITHOUT.get(side, ()):
            connection.execute(command)
        connection.execute("VACUUM ANALYZE")
    folder = home / name
    with Database.embedded(server, name, connections=1) as database:
        put_objects(database, folder)
        settings = Settings(home=folder, actor="benchmark")
        registry = Registry(database, open_store(None, folder), settings)
        yield partial(_created, registry, Sessions(watching, name), count())


def _created(registry: Registry, sessions: Sessions, numbers: "count[int]") -> float:
    before, began = sessions.processor_s(), process_time()
    for _ in range(_TIMES):
        number = next(numbers)
        content = f"new {number}".ljust(_BYTES).encode()
        file = ManifestFile(path="model.bin", size=len(content), digest=digest_of(content))
        registry.operations.registration.create(
            name_of(1 + number % _MODELS),
            [file],
            new_version(f"run {number}"),
            {file.digest: content},
        )
    return (process_time() - began + sessions.since(before)) / _TIMES
