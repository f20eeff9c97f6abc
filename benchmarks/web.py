"""The pages of the web page: the server's time, the bytes of a view, and what they cost others.

- *pages*: a separate server with two workers answers 8 connections from another process, for each
  kind of page in turn. By default it has 1,000 models with 10 versions each; ``--data DIR`` takes
  the million of ``benchmarks._million`` in that folder. A page is cold when it is the first one of
  its kind that the server answers. The load is as much as the server can do: its processes, those
  of Postgres and the load share the processors. So the processor time of a page is reported too,
  which does not depend on what else the machine does.
- *large*: a model of 100,000 versions against one of ten, 10,000 moves, a lineage of 1,000 nodes.
- *doors*: the API's reads and the memory of a process with both doors, against one with the API.
- *creations*: what the rows and indexes that pages read cost a creation, by alternate blocks.

``--only WORD`` measures only one of these parts. Bytes are compressed as a browser asks for them;
files never change under one name, so a later view is the page alone.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks import _load
from benchmarks._fence_sides import put_objects
from benchmarks._million import million, small
from benchmarks._million_rows import Shape, name_of
from benchmarks._processor import Sessions, processor_of_tree
from benchmarks._report import Measured, report
from benchmarks._servers import drive, running
from benchmarks._web_creations import creations
from benchmarks._web_doors import doors
from benchmarks._web_large import PATHS, complete, large
from benchmarks._web_pages import PAGES, Reader
from pedigree import Registry, Settings
from pedigree.access.records import Role
from pedigree.postgres import EmbeddedPostgres

_SHAPE = Shape(models=1_000, versions=10)
_MODELS_OF_MILLION = 10_000
_MOST_WARM_S, _MOST_COLD_S, _MOST_LINEAGE_S = 0.050, 0.150, 0.150
_FIRST_VIEW, _LATER_VIEW = 100.0, 20.0  # kB
_WARM_UP_S = 2.0
_PAGES_OF_A_KIND = 50
_COUNTED = 50
_ROUNDS = 30
_PARTS = ("pages", "large", "doors", "creations")
_SERVE: list[str | Path] = [Path(sys.executable).parent / "pedigree", "serve"]


class Served(NamedTuple):
    """A registry that is measured.

    Attributes:
        environment: The settings of a service.
        secret: The token of somebody who may do everything.
        sessions: Its sessions of Postgres.
    """

    environment: Mapping[str, str]
    secret: str
    sessions: Sessions


def main() -> int:
    """Measure and report; return the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--only", choices=_PARTS)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    given, _ = parser.parse_known_args()
    words = sys.argv[1:]
    parts = _PARTS if given.only is None else (given.only,)
    is_million = "--data" in words
    models = _MODELS_OF_MILLION if is_million else _SHAPE.models
    step = max(1, models // _PAGES_OF_A_KIND)
    names = [name_of(number) for number in range(1, models + 1, step)]
    figures: list[Measured] = []
    if "pages" in parts or "doors" in parts:
        home = million(words) if is_million else small(words, _SHAPE)
        with _served(home) as served:
            if "pages" in parts:
                figures += _pages(served, names)
            if "doors" in parts:
                figures += doors(_SERVE, served.environment, served.secret, names, served.sessions)
    if "large" in parts:
        home = large(words)
        with _served(home, is_completed=True) as served:
            figures += _large(served)
    if "creations" in parts:
        with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
            figures += creations(Path(folder), given.rounds)
    return report(figures, words)


@contextmanager
def _served(home: Path, *, is_completed: bool = False) -> Iterator[Served]:
    server = EmbeddedPostgres(home)
    url = server.url("pedigree")
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder, ExitStack() as ending:
        watching = ending.enter_context(psycopg.connect(server.url("postgres"), autocommit=True))
        settings = Settings(database_url=url, home=Path(folder), actor="bench")
        with Registry.connect(settings=settings) as registry:
            put_objects(registry.database, Path(folder))
            if is_completed:
                complete(registry, url)
            secret = registry.create_token("bench", roles=[Role.ADMIN]).secret
        environment = {
            "PEDIGREE_DATABASE_URL": url,
            "PEDIGREE_HOME": folder,
            "PEDIGREE_ACTOR": "bench",
            "PEDIGREE_SERVE_DRAIN": "0s",
            "PEDIGREE_SERVE_SEALS": "false",
        }
        yield Served(environment, secret, Sessions(watching, "pedigree"))


@contextmanager
def _reader(served: Served) -> Iterator[Reader]:
    with running([*_SERVE, "--workers", "2"], served.environment, "/livez") as server:
        yield Reader(server, served.secret)


def _pages(served: Served, names: Sequence[str]) -> Iterator[Measured]:
    with _reader(served) as reader:
        cold = {what: reader.seconds(path(names[0])) for what, path in PAGES.items()}
        for what, path in PAGES.items():
            paths = list(dict.fromkeys(map(path, names)))
            yield _at_most(f"{what}: the first one after the start", cold[what], "s", _MOST_COLD_S)
            yield from _warm(served, reader, what, paths, _MOST_WARM_S)
            view = reader.view(paths[0])
            first, later = (view.page + view.files) / 1000, view.page / 1000
            yield _at_most(f"{what}: first view", first, "kB", _FIRST_VIEW)
            yield _at_most(f"{what}: later view", later, "kB", _LATER_VIEW)


def _large(served: Served) -> Iterator[Measured]:
    with _reader(served) as reader:
        for what, path in PATHS.items():
            most = _MOST_LINEAGE_S if "lineage" in what else _MOST_WARM_S
            yield from _warm(served, reader, what, [path], most)


def _warm(
    served: Served, reader: Reader, what: str, paths: Sequence[str], most: float
) -> Iterator[Measured]:
    exchanges = [[reader.request(path)] for path in paths]
    drive(reader.server, exchanges, seconds=_WARM_UP_S)
    found = drive(reader.server, exchanges)
    said = f"{what}: 95th percentile at 8 connections, {found['rate']:.0f} /s"
    yield _at_most(said, found["p95"], "s", most)
    taken = _processor_s(served, reader, paths)
    yield Measured(what=f"{what}: processor time with Postgres", value=1000 * taken, unit="ms")


def _processor_s(served: Served, reader: Reader, paths: Sequence[str]) -> float:
    """Return the processor time of a page, one after the other."""
    wanted = [[reader.request(paths[n % len(paths)]).encode()] for n in range(_COUNTED)]
    once = [[each for (each,) in wanted]]
    before, began = served.sessions.processor_s(), processor_of_tree(reader.server.pid)
    _load.drive(reader.server.port, 0, 1, once)
    used = processor_of_tree(reader.server.pid) - began + served.sessions.since(before)
    return float(used) / len(wanted)


def _at_most(what: str, value: float, unit: str, target: float) -> Measured:
    return Measured(what=what, value=value, unit=unit, target=target, at_least=False)


if __name__ == "__main__":
    sys.exit(main())
