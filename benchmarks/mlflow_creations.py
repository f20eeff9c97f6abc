"""Creations of versions by MLflow's protocol, by Pedigree's service and by MLflow 3.17.2.

In one run among a million versions, over 8 connections and by turns: by reference, of another
version (``models:/…``), and of new files of 16 KiB that are put before. Ours are sealed in the
background, so the time until the last one is READY counts, too. The models are made by the same
protocol, so they have the policy that its clients get. The databases are copies.
``--data DIR`` sets the folder of the registry, ``--models N`` the number of models, ``--seconds N``
how long each load lasts, and ``--rounds N`` how many there are of each.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks._report import Measured, report
from benchmarks._with_mlflow import Load, Side, Sides, home_of, with_mlflow

_TIMES, _NEW_TIMES = 3.0, 1.0
_NAMES = tuple(f"created_by_client_{number}" for number in range(16))
_MOST_CREATED = 2000
_BYTES = 16 << 10
_READY_BY_S = 300.0
_CREATE = "model-versions/create"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_BINARY = "application/octet-stream"
_PENDING = "SELECT count(*) FROM pedigree.model_version WHERE state = 'pending'"
_FAILED = "SELECT state_reason FROM pedigree.model_version WHERE state = 'failed' LIMIT 1"
_FIRSTS = count(step=_MOST_CREATED)


class Place(NamedTuple):
    """Where a server takes new files: below a path, for a run if it asks for one."""

    below: str
    run: str | None = None


UPLOADS = Place("pedigree/uploads")
"""Where our service takes them."""


class Kind(NamedTuple):
    """A kind of creations.

    Args:
        what: Its name.
        target: How many times MLflow's rate.
        ours: Returns the requests of one creation at our service, by its number.
        theirs: Returns them at MLflow's server.
    """

    what: str
    target: float
    ours: Callable[[int], list[str]]
    theirs: Callable[[int], list[str]]


def main() -> int:
    """Measure and report; return the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_known_args(sys.argv[1:])[0]
    home = home_of(sys.argv[1:])
    with (
        tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder,
        with_mlflow(home, Path(folder), is_copied=True) as sides,
    ):
        run = sides.theirs.ask("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        place = Place(f"0/{run}/artifacts", str(run))
        figures = creations(sides, place, given.seconds, given.rounds)
    return report(figures, sys.argv[1:])


def creations(sides: Sides, theirs: Place, seconds: float, rounds: int) -> list[Measured]:
    """Compare the rates of each kind of creations.

    Args:
        sides: The servers.
        theirs: Where the other server takes new files.
        seconds: How long each load lasts.
        rounds: How many loads of each kind count.
    """
    figures = []
    for kind in _kinds(sides, theirs):
        mine, others = [], []
        for each in range(rounds + 1):
            one = _timed(sides, sides.ours, kind.ours, seconds)
            other = _timed(sides, sides.theirs, kind.theirs, seconds)
            if each:  # the first round fills caches and makes plans
                mine.append(one)
                others.append(other)
        figures += [
            *_plain(kind.what, mine),
            *_plain(f"MLflow: {kind.what}", others),
            Measured(
                what=f"{kind.what} against MLflow",
                value=statistics.median(
                    one["rate"] / other["rate"] for one, other in zip(mine, others, strict=True)
                ),
                unit="times its rate",
                target=kind.target,
            ),
        ]
    return figures


def _kinds(sides: Sides, place: Place) -> Iterable[Kind]:
    for each in _NAMES:
        for side in _different(sides):
            side.ask("registered-models/create", {"name": each})
    known = _with_bytes(sides.ours, UPLOADS)
    known_there = _with_bytes(sides.theirs, place)
    _await_ready(sides.url)

    def name(number: int) -> str:
        return _NAMES[number % len(_NAMES)]

    def by_reference(side: Side) -> Callable[[int], list[str]]:
        return lambda number: [_created(side, name(number), f"s3://elsewhere/models/{number}")]

    def of_known(side: Side, sources: Sequence[str]) -> Callable[[int], list[str]]:
        return lambda number: [_created(side, name(number), sources[number % len(sources)])]

    def of_new(side: Side, place: Place) -> Callable[[int], list[str]]:
        def requests(number: int) -> list[str]:
            folder = f"{place.below}/{number}"
            created = _created(side, name(number), f"mlflow-artifacts:/{folder}", place.run)
            return [_put(side, folder, _content(number)), created]

        return requests

    yield Kind("by reference", _TIMES, by_reference(sides.ours), by_reference(sides.theirs))
    yield Kind(
        "of models:/…, known bytes",
        _TIMES,
        of_known(sides.ours, known),
        of_known(sides.theirs, known_there),
    )
    yield Kind(
        "of a new file of 16 KiB, to READY",
        _NEW_TIMES,
        of_new(sides.ours, UPLOADS),
        of_new(sides.theirs, place),
    )


def _different(sides: Sides) -> Sequence[Side]:
    return sides[:2] if sides.ours is not sides.theirs else sides[:1]


def _with_bytes(side: Side, place: Place) -> list[str]:
    """Return versions, as sources, whose files the server has; one of each model."""
    sources = []
    for number, name in enumerate(_NAMES):
        folder = f"{place.below}/known-{number}-{side.server.port}"
        side.drive([[_put(side, folder, f"{number}")]], 0, connections=1)
        body = _stated(name, f"mlflow-artifacts:/{folder}", place.run)
        version = side.ask(_CREATE, body)["model_version"]["version"]
        sources.append(f"models:/{name}/{version}")
    return sources


def _put(side: Side, folder: str, content: str) -> str:
    return side.write("PUT", f"{_ARTIFACTS}/{folder}/model.bin", content, _BINARY)


def _created(side: Side, name: str, source: str, run: str | None = None) -> str:
    return side.post(_CREATE, _stated(name, source, run))


def _stated(name: str, source: str, run: str | None) -> dict[str, object]:
    body: dict[str, object] = {
        "name": name,
        "source": source,
        "description": "weekly retention of customers who came by a campaign",
        "tags": [{"key": "team", "value": "growth"}, {"key": "tier", "value": "gold"}],
    }
    return body if run is None else body | {"run_id": run}


def _timed(
    sides: Sides, side: Side, requests: Callable[[int], list[str]], seconds: float
) -> Mapping[str, float]:
    """Create versions for a time; return the rate until all are ready, and the cost of one."""
    first = next(_FIRSTS)
    exchanges = [requests(number) for number in range(first, first + _MOST_CREATED)]
    before = side.used()
    load: Load = side.drive(exchanges, seconds)
    began = time.perf_counter()
    if side is sides.ours:
        _await_ready(sides.url)
    waited, done, answered = time.perf_counter() - began, load["done"], load["rate"]
    return {
        "rate": done / (done / answered + waited),
        "answered": answered,
        "processor_s": (side.used() - before) / done,
    }


def _await_ready(url: str) -> None:
    deadline = time.monotonic() + _READY_BY_S
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(_PENDING).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise SystemExit("versions stay pending")
            time.sleep(0.02)
        if failed := connection.execute(_FAILED).fetchone():
            raise SystemExit(f"a version failed: {failed[0]}")


def _plain(what: str, done: Sequence[Mapping[str, float]]) -> list[Measured]:
    rate = statistics.median(each["rate"] for each in done)
    answered = statistics.median(each["answered"] for each in done)
    cost = statistics.median(each["processor_s"] for each in done)
    return [
        Measured(what=what, value=rate, unit="/s"),
        Measured(what=f"{what}: answered", value=answered, unit="/s"),
        Measured(what=f"{what}: processor time, with Postgres", value=cost * 1000, unit="ms"),
    ]


def _content(number: int) -> str:
    return f"{number}:".ljust(_BYTES, "w")


if __name__ == "__main__":
    sys.exit(main())
