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

from benchmarks import _mlflow
from benchmarks._costs import COUNTING
from benchmarks._creations import Place, beside_mlflow, costs_alone
from benchmarks._million import million, thousand
from benchmarks._report import Measured, report
from benchmarks._requests import MLflow, Ours, alias_path
from benchmarks._servers import Running, drive, running
from benchmarks._with_mlflow import (
    names_with_alias,
    put_objects,
    service_settings,
    serving,
    token,
    used,
)
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
        url = stack.enter_context(used(server, "pedigree", is_copied=True))
        environment = service_settings(url, folder)
        names = names_with_alias(url, _MODELS)
        ours = Ours(names, stack.enter_context(token(url, folder)))
        figures = [] if only else [_readiness(environment), _limit_of_load()]
        put_objects(url, folder)
        served = stack.enter_context(serving(environment))
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
def _constant(environment: dict[str, str]) -> Iterator[Running]:
    program = [sys.executable, "-m", "benchmarks._constant"]
    with running(program, environment, "/livez") as server:
        yield server


@contextmanager
def _mlflow_beside(server: EmbeddedPostgres, kept: Path, folder: Path) -> Iterator[Running]:
    environment = _mlflow.installed(kept)
    database = _mlflow.filled(environment, server)
    with (
        used(server, database, is_copied=True) as url,
        _mlflow.serving(environment, url, folder / "mlartifacts") as running_beside,
    ):
        yield running_beside


def _readiness(environment: dict[str, str]) -> Measured:
    slowest = 0.0
    for _ in range(_STARTS):
        with serving(environment) as server:
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
