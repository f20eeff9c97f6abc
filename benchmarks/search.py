"""The duration of searches among 1,000,000 versions: pages of 100 records, through ``Registry``.

Each figure is the 95th percentile over many runs in one process, with the records built. The words
of a full text search are ranked among the newest 2,000 hits.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import _million_rows as rows
from benchmarks._million import million
from benchmarks._report import Measured, report
from pedigree import Registry, Settings
from pedigree.catalog.search.records import SearchPage

_RUNS = 200
_WARM_UP = 20
_PAGE = 100
_DEEP = 200
_TARGET_MS = 10.0
_TARGET_TEXT_MS = 20.0
_STEP = 7
"""Every seventh model provides its unique commit, so that all runs search for different ones."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of search."""

    what: str
    search: Callable[[int], SearchPage]
    target_ms: float = _TARGET_MS


def main() -> int:
    """Measure and report; return the exit code."""
    home = million(sys.argv[1:])
    with Registry.connect(settings=Settings(home=home)) as registry:
        figures = [_measured(case) for case in _cases(registry)]
    return report(figures, sys.argv[1:])


def _cases(registry: Registry) -> list[Case]:
    tag = f"tags.{rows.COMMON_TAG[0]} = '{rows.COMMON_TAG[1]}'"
    second = f"tags.{rows.SECOND_TAG[0]} = '{rows.SECOND_TAG[1]}'"
    words = f"text MATCH '{' '.join(rows.COMMON_WORDS)}'"
    deep = _cursor(registry, tag, _DEEP - 1)

    def of(text: str) -> Callable[[int], SearchPage]:
        return lambda _: registry.search(text, limit=_PAGE)

    def by_commit(run: int) -> SearchPage:
        commit = rows.unique_commit(run * _STEP + 1)
        return registry.search(f"git_commit = '{commit}'", limit=_PAGE)

    return [
        Case(what="one tag with 20,000 hits, by time", search=of(tag)),
        Case(what="two tags", search=of(f"{tag} AND {second}")),
        Case(
            what="metric range and stage",
            search=of("metrics.auc > 0.9 AND stage = 'production'"),
        ),
        Case(what="a unique git commit", search=by_commit),
        Case(what="name LIKE '%77%'", search=of("name LIKE '%77%'")),
        Case(
            what=f"page {_DEEP} of one tag",
            search=lambda _: registry.search(tag, limit=_PAGE, after=deep),
        ),
        Case(
            what="full text, two common words, the newest 2,000 of 33,000 hits ranked",
            search=of(words),
            target_ms=_TARGET_TEXT_MS,
        ),
    ]


def _cursor(registry: Registry, text: str, pages: int) -> str | None:
    """Return the cursor after a number of pages."""
    after = None
    for _ in range(pages):
        after = registry.search(text, limit=_PAGE, after=after).next
    return after


def _measured(case: Case) -> Measured:
    for run in range(_WARM_UP):
        found = case.search(run)
        if not found.records:
            raise SystemExit(f"{case.what}: nothing was found")
    times = []
    for run in range(_WARM_UP, _WARM_UP + _RUNS):
        started = time.perf_counter()
        case.search(run)
        times.append(1000 * (time.perf_counter() - started))
    return Measured(
        what=f"{case.what}, p95 of {_RUNS} (median {statistics.median(times):.1f} ms)",
        value=statistics.quantiles(times, n=20)[-1],
        unit="ms",
        target=case.target_ms,
        at_least=False,
    )


if __name__ == "__main__":
    sys.exit(main())
