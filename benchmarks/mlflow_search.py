"""Searches for versions by MLflow's protocol, by Pedigree's service and by MLflow 3.17.2.

In one run among a million versions: pages of 100 by one tag with 20,000 hits, by two tags, by run
and by a pattern of names, over 8 connections; then one at a time a page of 10,000 versions, the
first and the 100th page, and all versions of a model by pages. ``--data DIR`` sets the folder of
the registry, ``--models N`` the number of models, and ``--seconds N`` how long each of our loads
lasts; MLflow's last four times as long, since it answers few searches.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import _million_rows as rows
from benchmarks._report import Measured, report
from benchmarks._with_mlflow import Load, Side, Sides, home_of, with_mlflow

_TIMES, _PAGE_TIMES = 50.0, 5.0
_NO_SLOWER = 1.1
_ROWS, _MANY, _DEEP = 100, 10_000, 100
_PAGE_OF_MODEL = 10
_SLOWER = 4
_ROUNDS = 3
_SEARCH = "model-versions/search"
_KEY, _VALUE = rows.COMMON_TAG
_SECOND_KEY, _SECOND_VALUE = rows.SECOND_TAG
_TAG = f"tags.{_KEY} = '{_VALUE}'"
_TWO_TAGS = f"{_TAG} AND tags.{_SECOND_KEY} = '{_SECOND_VALUE}'"
_PATTERN = "name LIKE '%77%'"


def main() -> int:
    """Measure and report; return the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_known_args(sys.argv[1:])[0].seconds
    home = home_of(sys.argv[1:])
    with (
        tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder,
        with_mlflow(home, Path(folder)) as sides,
    ):
        figures = [*at_once(sides, seconds), *one_by_one(sides, seconds)]
    return report(figures, sys.argv[1:])


def at_once(sides: Sides, seconds: float) -> list[Measured]:
    """Compare searches over 8 connections."""
    name, runs = _a_model(sides)
    ours = _filters(runs[0])
    theirs = _filters(runs[1])
    figures = []
    for what in ours:
        mine = [[sides.ours.get(_SEARCH, filter=ours[what], max_results=_ROWS)]]
        others = [[sides.theirs.get(_SEARCH, filter=theirs[what], max_results=_ROWS)]]
        figures += _compared(what, sides, (mine, others), seconds)
    pages = [[_pages(side, f"name = '{name}'", _PAGE_OF_MODEL)] for side in sides[:2]]
    return figures + _compared("all versions of a model by pages", sides, pages, seconds)


def _filters(run: str) -> Mapping[str, str]:
    return {
        "one tag": _TAG,
        "two tags": _TWO_TAGS,
        "run_id": f"run_id = '{run}'",
        "name LIKE": _PATTERN,
    }


def _compared(
    what: str, sides: Sides, exchanges: Sequence[list[list[str]]], seconds: float
) -> list[Measured]:
    """Return the 95th percentiles of both sides, and their ratio."""
    for side, each in zip(sides[:2], exchanges, strict=True):
        side.drive(each, 0)  # planning and reading pages, for both
    mine = sides.ours.drive(exchanges[0], seconds)
    other = sides.theirs.drive(exchanges[1], seconds * _SLOWER)
    return [
        *_plain(what, mine),
        *_plain(f"MLflow: {what}", other),
        Measured(
            what=f"{what}, p95 against MLflow",
            value=other["p95"] / mine["p95"],
            unit="times as fast",
            target=_TIMES,
        ),
    ]


def _plain(what: str, load: Load) -> list[Measured]:
    cost = float(load["processor_s"]) * 1000
    return [
        Measured(what=f"{what}, p95", value=load["p95"] * 1000, unit="ms"),
        Measured(what=f"{what}: processor time, with Postgres", value=cost, unit="ms"),
    ]


def one_by_one(sides: Sides, seconds: float) -> list[Measured]:
    """Compare large pages and deep pages, one request at a time."""
    large, first, deep, their_large = [], [], [], []
    mine = [[sides.ours.get(_SEARCH, filter=_TAG, max_results=_MANY)]]
    others = [[sides.theirs.get(_SEARCH, filter=_TAG, max_results=_MANY)]]
    pages = _pages(sides.ours, _TAG, _ROWS, most=_DEEP)
    for _ in range(_ROUNDS):
        large.append(_median(sides.ours, mine, seconds))
        their_large.append(_median(sides.theirs, others, seconds))
        first.append(_median(sides.ours, [pages[:1]], seconds))
        deep.append(_median(sides.ours, [pages[-1:]], seconds))
    return [
        Measured(what=f"a page of {_MANY} versions", value=min(large), unit="ms"),
        Measured(what=f"MLflow: a page of {_MANY} versions", value=min(their_large), unit="ms"),
        Measured(
            what=f"a page of {_MANY} versions against MLflow",
            value=_ratio(their_large, large),
            unit="times as fast",
            target=_PAGE_TIMES,
        ),
        Measured(what="the first page", value=min(first), unit="ms"),
        Measured(
            what=f"page {len(pages)} against the first one",
            value=_ratio(deep, first),
            unit="times its time",
            target=_NO_SLOWER,
            at_least=False,
        ),
    ]


def _median(side: Side, exchanges: list[list[str]], seconds: float) -> float:
    return float(side.drive(exchanges, seconds / 2, connections=1)["p50"]) * 1000


def _ratio(values: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(values, others, strict=True))


def _pages(side: Side, words: str, rows: int, most: int | None = None) -> list[str]:
    """Return the requests of the pages of a search, as a client sends them one after the other."""
    query: dict[str, Any] = {"filter": words, "max_results": rows}
    found: list[str] = []
    more: Any = True
    while more and (most is None or len(found) < most):
        found.append(side.get(_SEARCH, **query))
        more = side.ask(_SEARCH, **query).get("next_page_token")
        query["page_token"] = more
    return found


def _a_model(sides: Sides) -> tuple[str, tuple[str, str]]:
    """Return a model, and the run of one of its versions on each side."""
    query = """SELECT m.name FROM pedigree.registered_model AS m
        ORDER BY md5(m.name) LIMIT 1"""
    with psycopg.connect(sides.url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    name = str(row[0])
    runs = [
        str(side.ask("model-versions/get", name=name, version=7)["model_version"]["run_id"])
        for side in sides[:2]
    ]
    return name, (runs[0], runs[1])


if __name__ == "__main__":
    sys.exit(main())
