"""Throughput of the service, with MLflow 3.17.2 and a service without a database in the same run.

Each is a server with two workers over the same Postgres and the same 1,000,000 versions, and they
are loaded in turn, over 8 connections from a separate process: ``pedigree serve`` with tokens
on, ``mlflow server`` without, and the same application as ours, with its token check and
middleware, in which a constant row replaces each read of the database. The databases are copies
for this run, so that created rows do not remain. ``--data DIR`` sets the folder of the million,
``--thousand`` measures with 1,000 versions instead, and ``--only creates`` (or ``reads``,
``searches``) runs only one comparison with MLflow.

pip installs MLflow into a separate environment; if that fails, the benchmark reports it
and measures the rest.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks import _mlflow
from benchmarks._costs import COUNTING
from benchmarks._creations import Place, beside_mlflow, costs_alone
from benchmarks._million import million, thousand
from benchmarks._report import Measured, report
from benchmarks._requests import ALIAS, MLflow, Ours, alias_path
from benchmarks._servers import Running, drive, running
from pedigree import Registry, Settings
from pedigree.access.records import Role
from pedigree.postgres import EmbeddedPostgres

_MODELS = 1000
_ROUNDS = 5
_STARTS = 3
_SLOW_S = 12.0
_WARM_UP_S = 2.0

_READY_S = 1.5
_SHARE_OF_CONSTANT = 0.6
_SLOWER_THAN_CONSTANT = 2.0
_READS = 25.0
_STARTS_OF_MLFLOW = 5.0
_SEARCHES = 100.0

_BIN = Path(sys.executable).parent
_WORKERS = ("--workers", "2")

Load = dict[str, Any]
Loads = list[Load]


def main() -> int:
    """Measure and report; return the exit code."""
    only, only_thousand = _options(sys.argv[1:])
    home = thousand(sys.argv[1:]) if only_thousand else million(sys.argv[1:])
    server = EmbeddedPostgres(home, settings=COUNTING)
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        figures = _measure(server, home.parent, Path(folder), only)
    return report(figures, sys.argv[1:])


def _options(words: list[str]) -> tuple[str | None, bool]:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--only", choices=_BESIDE_MLFLOW)
    parser.add_argument("--thousand", action="store_true")
    found = parser.parse_known_args(words)[0]
    return found.only, found.thousand


def _measure(
    server: EmbeddedPostgres, kept: Path, folder: Path, only: str | None
) -> list[Measured]:
    with ExitStack() as stack:
        url = stack.enter_context(_copied(server, "pedigree"))
        environment = {
            "PEDIGREE_DATABASE_URL": url,
            "PEDIGREE_HOME": str(folder),
            "PEDIGREE_ACTOR": "bench",
            "PEDIGREE_SERVE_DRAIN": "0s",
        }
        names = _names(url)
        ours = Ours(names, _token(url, folder))
        figures = [] if only else [_readiness(environment), _limit_of_load()]
        _put_objects(url, folder)
        served = stack.enter_context(_serving(environment))
        place = Place(served, ours, server, url)
        if only is None:
            constant = stack.enter_context(_constant(environment))
            figures += _against_constant(served, constant, ours)
        try:
            beside = stack.enter_context(_mlflow_beside(server, kept, folder))
        except _mlflow.MLflowMissingError as error:
            alone = [*costs_alone(place), _found(drive(served, ours.searching()))]
            return [*figures, *alone, _missing(error)]
        theirs = MLflow(names, _run(beside))
        for name, compare in _BESIDE_MLFLOW.items():
            if only in (None, name):
                figures += compare(place, beside, theirs)
    return figures


@contextmanager
def _copied(server: EmbeddedPostgres, database: str) -> Iterator[str]:
    """Yield a copy of a database, and drop it afterwards."""
    copy = f"{database}_measured"
    drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(copy))
    make = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(make.format(Identifier(copy), Identifier(database)))
        try:
            yield server.url(copy)
        finally:
            connection.execute(drop)


def _names(url: str) -> list[str]:
    query = """SELECT m.name FROM pedigree.tenure AS t JOIN pedigree.registered_model AS m
        USING (model_id) WHERE t.pointer = 'alias' AND t.name = %s AND t.held_until IS NULL
        ORDER BY md5(m.name) LIMIT %s"""
    with psycopg.connect(url) as connection:
        return [str(name) for (name,) in connection.execute(query, [ALIAS, _MODELS])]


def _put_objects(url: str, folder: Path) -> None:
    """Put a few of the recorded objects into the store; a service writes into no other one."""
    with psycopg.connect(url) as connection:
        keys = connection.execute("SELECT key FROM pedigree.blob LIMIT 5").fetchall()
    for (key,) in keys:
        path = folder / "objects" / key
        path.parent.mkdir(parents=True)
        path.touch()


def _token(url: str, folder: Path) -> str:
    settings = Settings(database_url=url, home=folder, actor="bench")
    with Registry.connect(settings=settings) as registry:
        return registry.create_token("bench", roles=[Role.ADMIN]).secret


@contextmanager
def _serving(environment: dict[str, str]) -> Iterator[Running]:
    # It responds once it has connected. It is never ready: the million has no bytes in the store.
    with running([str(_BIN / "pedigree"), "serve", *_WORKERS], environment, "/livez") as server:
        yield server


@contextmanager
def _constant(environment: dict[str, str]) -> Iterator[Running]:
    program = [sys.executable, "-m", "benchmarks._constant"]
    with running(program, environment, "/livez") as server:
        yield server


@contextmanager
def _mlflow_beside(server: EmbeddedPostgres, kept: Path, folder: Path) -> Iterator[Running]:
    environment = _mlflow.installed(kept)
    _mlflow.filled(environment, server)
    with (
        _copied(server, _mlflow.DATABASE) as url,
        _mlflow.serving(environment, url, folder / "mlartifacts") as running_beside,
    ):
        yield running_beside


def _readiness(environment: dict[str, str]) -> Measured:
    slowest = 0.0
    for _ in range(_STARTS):
        with _serving(environment) as server:
            slowest = max(slowest, server.ready_s)
    what = f"ready after its start, the slowest of {_STARTS}"
    return Measured(what=what, value=slowest, unit="s", target=_READY_S, at_least=False)


def _limit_of_load() -> Measured:
    program = [sys.executable, "-m", "benchmarks._trivial"]
    with running(program, {}, "/") as server:
        rate = drive(server, [["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"]])["rate"]
    return Measured(what="limit of the load generator", value=rate, unit="/s")


def _against_constant(served: Running, constant: Running, ours: Ours) -> list[Measured]:
    etags = _etags(served, ours)
    reads, constants, known = _by_turns(
        lambda: drive(served, ours.by_alias()),
        lambda: drive(constant, ours.by_alias()),
        lambda: drive(served, ours.by_alias(etags)),
    )
    slower = [
        float(read["p99"]) / float(other["p99"])
        for read, other in zip(reads, constants, strict=True)
    ]
    return [
        Measured(what="read by alias", value=_best(reads), unit="/s"),
        Measured(what="99th percentile of them", value=_least(reads, "p99"), unit="s"),
        Measured(what="the same with a constant row", value=_best(constants), unit="/s"),
        Measured(what="99th percentile of them", value=_least(constants, "p99"), unit="s"),
        _times("read by alias against the constant row", _SHARE_OF_CONSTANT, reads, constants),
        Measured(
            what="99th percentile against that of the constant row",
            value=statistics.median(slower),
            unit="times",
            target=_SLOWER_THAN_CONSTANT,
            at_least=False,
        ),
        _times("a 304 against the 200", 1.0, known, reads),
    ]


def _reads_beside(place: Place, beside: Running, theirs: MLflow) -> list[Measured]:
    served, ours, *_ = place
    reads, others = _by_turns(
        lambda: drive(served, ours.by_alias()), lambda: drive(beside, theirs.by_alias())
    )
    return [
        Measured(what="MLflow ready after", value=beside.ready_s, unit="s"),
        Measured(
            what="ready after its start, against MLflow",
            value=beside.ready_s / served.ready_s,
            unit="times as fast",
            target=_STARTS_OF_MLFLOW,
        ),
        Measured(what="MLflow: read by alias", value=_best(others), unit="/s"),
        Measured(what="MLflow: 99th percentile of them", value=_least(others, "p99"), unit="s"),
        _times("read by alias against MLflow", _READS, reads, others),
    ]


def _creates_beside(place: Place, beside: Running, theirs: MLflow) -> list[Measured]:
    return [*beside_mlflow(place, beside, theirs), *costs_alone(place)]


def _searches_beside(place: Place, beside: Running, theirs: MLflow) -> list[Measured]:
    served, ours, *_ = place
    # The first search includes planning and reading pages, for both.
    drive(served, ours.searching(), seconds=_WARM_UP_S)
    drive(beside, theirs.searching(), seconds=_WARM_UP_S)
    found = drive(served, ours.searching())
    other = drive(beside, theirs.searching(), seconds=_SLOW_S)
    return [
        _found(found),
        Measured(what="MLflow: search by tag, p95", value=other["p95"], unit="s"),
        Measured(
            what="search by tag against MLflow, p95",
            value=other["p95"] / found["p95"],
            unit="times as fast",
            target=_SEARCHES,
        ),
    ]


_BESIDE_MLFLOW = {
    "reads": _reads_beside,
    "creates": _creates_beside,
    "searches": _searches_beside,
}


def _found(found: Load) -> Measured:
    return Measured(what="search by tag, p95", value=found["p95"], unit="s")


def _missing(error: Exception) -> Measured:
    what = f"servers of MLflow {_mlflow.VERSION} to compare with: it cannot be installed ({error})"
    print(what, file=sys.stderr)
    return Measured(what=what, value=0, unit="")


def _by_turns(*loads: Callable[[], Load]) -> list[Loads]:
    """Run each load in each round, so that all run under the same conditions."""
    done = [[load() for load in loads] for _ in range(_ROUNDS)]
    return [list(column) for column in zip(*done, strict=True)]


def _best(loads: Loads) -> float:
    return max(float(load["rate"]) for load in loads)


def _least(loads: Loads, what: str) -> float:
    return min(float(load[what]) for load in loads)


def _times(what: str, target: float, loads: Loads, others: Loads) -> Measured:
    pairs = zip(loads, others, strict=True)
    share = statistics.median(float(load["rate"]) / float(other["rate"]) for load, other in pairs)
    return Measured(what=what, value=share, unit="times its rate", target=target)


def _etags(served: Running, ours: Ours) -> dict[str, str]:
    return {name: _etag(served, ours, name) for name in ours.names}


def _etag(served: Running, ours: Ours, name: str) -> str:
    headers = {"Authorization": ours.authorization}
    request = Request(f"http://127.0.0.1:{served.port}{alias_path(name)}", headers=headers)
    with urlopen(request) as answer:
        return str(answer.headers["ETag"])


def _run(beside: Running) -> str:
    url = f"http://127.0.0.1:{beside.port}/api/2.0/mlflow/runs/create"
    typed = {"Content-Type": "application/json"}
    with urlopen(Request(url, b'{"experiment_id": "0"}', typed)) as answer:
        return str(json.load(answer)["run"]["info"]["run_id"])


if __name__ == "__main__":
    sys.exit(main())
