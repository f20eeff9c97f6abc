"""The duration of searches among 1,000,000 versions: pages of 100 records, through ``Registry``.

Each figure is the 95th percentile over many runs in one process, with the records built. The words
of a full text search are ranked among the newest 2,000 hits.

A second part runs 200 searches that are drawn from the grammar, each without and with its count and
facets: the time of those is the difference. It prints each with its time and its plan, and the
slowest ten at the end; ``--only drawn`` runs only this part. A search past its time limit counts
with the limit.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import _million_rows as rows
from benchmarks._drawn import Drawn, drawn
from benchmarks._million import million
from benchmarks._report import Measured, report
from pedigree import Registry, Settings
from pedigree.catalog.search.records import Facet, SearchPage
from pedigree.errors import SearchTooBroadError

_RUNS = 200
_WARM_UP = 20
_PAGE = 100
_DEEP = 200
_TARGET_MS = 10.0
_TARGET_TEXT_MS = 20.0
_DRAWN = 200
_SLOWEST = 10
_TARGET_SERVED_MS = 100.0
_TARGET_DRAWN_MS = 1000.0
_FACETS: tuple[Facet, ...] = ("stage", "flavor", "owner", "tag")
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
        figures = [] if "drawn" in sys.argv else [_measured(case) for case in cases(registry)]
        figures += _of_drawn(registry)
    return report(figures, sys.argv[1:])


def cases(registry: Registry, deep: int = _DEEP) -> list[Case]:
    """Return the seven forms of a search.

    Args:
        registry: The registry.
        deep: The number of the page that is a deep one.
    """
    tag = f"tags.{rows.COMMON_TAG[0]} = '{rows.COMMON_TAG[1]}'"
    second = f"tags.{rows.SECOND_TAG[0]} = '{rows.SECOND_TAG[1]}'"
    words = f"text MATCH '{' '.join(rows.COMMON_WORDS)}'"
    before_deep = _cursor(registry, tag, deep - 1)

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
            what=f"page {deep} of one tag",
            search=lambda _: registry.search(tag, limit=_PAGE, after=before_deep),
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


class Timed:
    """One drawn search: the times of its page, and of its count and facets, in milliseconds."""

    def __init__(self, registry: Registry, search: Drawn) -> None:
        self._registry = registry
        self.search = search
        self.plan, self.page_ms, _ = self._run(count=False)
        _, both_ms, self.counted = self._run(count=True)
        self.counts_ms = max(0.0, both_ms - self.page_ms)

    @property
    def is_served(self) -> bool:
        """Whether an index served it."""
        return not self.plan.endswith(("scan", "too broad"))

    def __str__(self) -> str:
        return (
            f"{self.page_ms:8.1f} ms {self.counts_ms:8.1f} ms"
            f"  [{self.plan}] {self.counted}  {self.search}"
        )

    def _run(self, *, count: bool) -> tuple[str, float, str]:
        started = time.perf_counter()
        try:
            found = self._registry.operations.search.find_page(
                self.search.filter,
                order_by=self.search.order_by,
                limit=_PAGE,
                after=None,
                count=count,
                facets=_FACETS if count else (),
            )
            page = found.built()
        except SearchTooBroadError as error:
            return "too broad", 1000 * (time.perf_counter() - started), f"({error.message})"
        about = "about " if page.total_is_estimate else ""
        counted = f"{about}{page.total} hits" if count else ""
        return found.plan, 1000 * (time.perf_counter() - started), counted


def _of_drawn(registry: Registry) -> list[Measured]:
    timed = []
    for search in drawn(_DRAWN):
        timed.append(Timed(registry, search))
        print(timed[-1], file=sys.stderr, flush=True)
    print("the slowest:", file=sys.stderr)
    for one in sorted(timed, key=lambda one: -one.page_ms)[:_SLOWEST]:
        print(one, file=sys.stderr)
    served = [one.page_ms for one in timed if one.is_served]
    others = [one.page_ms for one in timed if not one.is_served]
    counts = [one.counts_ms for one in timed]
    refused = sum(one.plan == "too broad" for one in timed)
    return [
        _percentile(
            f"{len(served)} drawn searches that an index serves", served, _TARGET_SERVED_MS
        ),
        _percentile(f"{len(others)} drawn searches by a scan", others, _TARGET_DRAWN_MS),
        _percentile(f"{len(counts)} counts with four facets", counts, _TARGET_DRAWN_MS),
        Measured(what="drawn searches that are too broad", value=refused, unit=""),
    ]


def _percentile(what: str, times: Sequence[float], target_ms: float) -> Measured:
    return Measured(
        what=f"{what}, p95 (median {statistics.median(times):.1f} ms)",
        value=statistics.quantiles(times, n=20)[-1],
        unit="ms",
        target=target_ms,
        at_least=False,
    )


if __name__ == "__main__":
    sys.exit(main())
