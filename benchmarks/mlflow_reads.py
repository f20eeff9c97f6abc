"""Point reads of MLflow's protocol: Pedigree's service with a token, MLflow 3.17.2 without.

In one run: requests a second over 8 connections among a million versions, with our own read by
alias; then ``registered-models/get`` and ``get-latest-versions`` of models of 100, 10,000 and
50,000 versions, one at a time. ``--data DIR`` sets the folder of the registries, ``--models N``
the number of models instead of 10,000, ``--wide N,N`` the versions of the single models,
``--seconds N`` how long each load lasts, ``--rounds N`` how many there are of each, and
``--only many`` or ``--only wide`` runs one of the two.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks._million import fill
from benchmarks._million_rows import Shape, name_of
from benchmarks._report import Measured, report
from benchmarks._requests import ALIAS, alias_path
from benchmarks._with_mlflow import Load, Side, Sides, home_of, names_with_alias, with_mlflow
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate

_TIMES = 20.0
_SHARE = 0.9
_WIDER = 1.5
_ALONE_MS = 10.0
_MODELS = 1000
_VERSION = 50

_NATIVE = "our own read by alias"
_CALLS: Mapping[str, Callable[[str], Mapping[str, object]]] = {
    "registered-models/alias": lambda name: {"name": name, "alias": ALIAS},
    "model-versions/get": lambda name: {"name": name, "version": _VERSION},
    "model-versions/get-download-uri": lambda name: {"name": name, "version": _VERSION},
    "registered-models/get": lambda name: {"name": name},
}
_OF_ANY_SIZE = ("registered-models/get", "registered-models/get-latest-versions")


class Effort(NamedTuple):
    """How long each load lasts, and how many there are of each."""

    seconds: float
    rounds: int


def main() -> int:
    """Measure and report; return the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--wide", default="100,10000,50000")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("many", "wide"))
    given = parser.parse_known_args(sys.argv[1:])[0]
    sizes, effort = tuple(map(int, given.wide.split(","))), Effort(given.seconds, given.rounds)
    home, figures = home_of(sys.argv[1:]), list[Measured]()
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        if given.only != "wide":
            with with_mlflow(home, Path(folder, "many")) as sides:
                figures += among_many(sides, effort)
        if given.only != "many":
            database = _with_wide_models(home, sizes)
            with with_mlflow(home, Path(folder, "wide"), database=database) as sides:
                figures += of_any_size(sides, sizes, effort)
    return report(figures, sys.argv[1:])


def among_many(sides: Sides, effort: Effort) -> list[Measured]:
    """Compare the rates of each call with MLflow's, and with our own read by alias."""
    names = names_with_alias(sides.url, _MODELS)
    natives: list[Load] = []
    loads: dict[str, tuple[list[Load], list[Load]]] = {call: ([], []) for call in _CALLS}
    for side in (sides.ours, sides.theirs):  # what the first requests of a process have to do
        for call in _CALLS:
            side.drive(requests(side, call, names), effort.seconds / 2)
    for _ in range(effort.rounds):
        natives.append(sides.ours.drive(native(sides.ours, names), effort.seconds))
        for call, done in loads.items():
            for side, kept in zip((sides.ours, sides.theirs), done, strict=True):
                kept.append(side.drive(requests(side, call, names), effort.seconds))
    figures = _plain(_NATIVE, natives)
    for call, (ours, theirs) in loads.items():
        figures += [
            *_plain(call, ours),
            *_plain(f"MLflow: {call}", theirs),
            _ratio(f"{call} against MLflow", _TIMES, _rates(ours), _rates(theirs)),
            _ratio(f"{call} against {_NATIVE}", _SHARE, _rates(ours), _rates(natives)),
        ]
    return figures


def native(side: Side, names: Iterable[str]) -> list[list[str]]:
    """Return requests of our own API for the version of an alias."""
    return [[side.at(alias_path(name))] for name in names]


def requests(side: Side, call: str, names: Iterable[str]) -> list[list[str]]:
    """Return requests of a call about some models."""
    return [[side.get(call, **_CALLS[call](name))] for name in names]


def _plain(what: str, loads: Sequence[Load]) -> list[Measured]:
    cost = statistics.median(float(load["processor_s"]) for load in loads)
    rate = statistics.median(_rates(loads))
    return [
        Measured(what=what, value=rate, unit="/s"),
        Measured(what=f"{what}: processor time, with Postgres", value=cost * 1e6, unit="µs"),
    ]


def _rates(loads: Iterable[Load]) -> list[float]:
    return [float(load["rate"]) for load in loads]


def _ratio(what: str, target: float, rates: list[float], others: list[float]) -> Measured:
    value = statistics.median(one / other for one, other in zip(rates, others, strict=True))
    return Measured(what=what, value=value, unit="times its rate", target=target)


def of_any_size(sides: Sides, sizes: Sequence[int], effort: Effort) -> list[Measured]:
    """Compare the reads of models of different numbers of versions, one request at a time."""
    figures: list[Measured] = []
    for call in _OF_ANY_SIZE:
        ours = _by_size(sides.ours, call, sizes, effort)
        theirs = _by_size(sides.theirs, call, sizes, effort)
        for size in sizes:
            figures += [
                _alone(f"{call} of {size} versions, p95", ours[size][1]),
                Measured(
                    what=f"MLflow: {call} of {size} versions, p50", value=theirs[size][0], unit="ms"
                ),
            ]
        medians = [ours[size][0] for size in sizes]
        figures.append(
            Measured(
                what=f"{call}: the slowest of these models against the fastest, p50",
                value=max(medians) / min(medians),
                unit="times",
                target=_WIDER,
                at_least=False,
            )
        )
    return figures


def _alone(what: str, value: float) -> Measured:
    return Measured(what=what, value=value, unit="ms", target=_ALONE_MS, at_least=False)


def _by_size(
    side: Side, call: str, sizes: Sequence[int], effort: Effort
) -> dict[int, tuple[float, float]]:
    """Return the median and the 95th percentile of each size, in ms: the least of some rounds."""
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for _ in range(effort.rounds):
        for index, size in enumerate(sizes):
            asked = [[side.get(call, name=name_of(index + 1))]]
            load = side.drive(asked, effort.seconds / 2, connections=1)
            found[size].append((load["p50"] * 1000, load["p95"] * 1000))
    return {
        size: (min(a for a, _ in each), min(b for _, b in each)) for size, each in found.items()
    }


def _with_wide_models(home: Path, sizes: Sequence[int]) -> str:
    """Return the database with a model of each size; create it if it does not exist."""
    name = "wide_" + "_".join(map(str, sizes))
    server = EmbeddedPostgres(home)
    with Database.embedded(server, name) as database:
        migrate(database)
        if not database.fetch_all("SELECT FROM pedigree.registered_model LIMIT 1"):
            shapes = (
                Shape(models=1, versions=size, first_model=index + 1)
                for index, size in enumerate(sizes)
            )
            fill(server.url(name), *shapes)
    return name


if __name__ == "__main__":
    sys.exit(main())
