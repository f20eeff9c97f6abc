"""Counts of answered requests, for Prometheus.

If ``PROMETHEUS_MULTIPROC_DIR`` names a folder, each process counts in a file there that outlives
it; so a scrape of any worker reports all of them, including those that have ended.
"""

import asyncio
import os
from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from pedigree.server.refusals import Refusal

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# From a cached 304 to an upload of some minutes.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
# A process that is killed loses its counts of this time.
_WRITTEN_WITHIN_S = 1.0

# An extra series for each metric, which multiprocess mode does not have.
disable_created_metrics()  # type: ignore[no-untyped-call]


class RequestMetrics:
    """The counts of one process, and the collector of all of them."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._requests = Counter(
            "pedigree_http_requests",
            "Answered requests, by route template and status.",
            ("method", "route", "status"),
            registry=own,
        )
        self._seconds = _Durations(
            "pedigree_http_request_duration_seconds",
            "Time until an answer began.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=own,
        )
        self._refusals = Counter(
            "pedigree_http_refused",
            "Connections and requests that a limit refused before a route saw them.",
            ("reason",),
            registry=own,
        )
        for reason in Refusal:  # so that a rate is known from the start
            self._refusals.labels(reason)
        self._refused = Counter(
            "pedigree_schema_failures",
            "Requests whose metadata or signature the schema refused.",
            ("route",),
            registry=own,
        )
        self._own = own
        self._tallies: dict[tuple[str, str, int], _Tally] = {}
        self._waits = False

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; the event loop writes the count within a second."""
        key = method, route, status
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        tally.seconds += seconds
        tally.counts[bisect_left(_BUCKETS, seconds)] += 1
        if not self._waits:
            self._waits = True
            asyncio.get_running_loop().call_later(_WRITTEN_WITHIN_S, self.write)

    def count_refusal(self, reason: Refusal) -> None:
        """Count a connection or a request that a limit refused."""
        self._refusals.labels(reason).inc()

    def count_refused(self, route: str) -> None:
        """Count a request whose metadata the schema refused."""
        self._refused.labels(route).inc()

    def write(self) -> None:
        """Write the counts since the last time to the metrics."""
        self._waits = False
        tallies, self._tallies = self._tallies, {}
        for (method, route, status), tally in tallies.items():
            self._requests.labels(method, route, str(status)).inc(sum(tally.counts))
            self._seconds.labels(method, route).add(tally.seconds, tally.counts)

    def collector_with(self, registry_metrics: Collector) -> CollectorRegistry:
        """Return the collector of a scrape: all workers' counts and the registry's metrics."""
        collector = CollectorRegistry()
        if FOLDER in os.environ:
            MultiProcessCollector(collector)  # type: ignore[no-untyped-call]
        else:
            collector.register(self._own)
        collector.register(registry_metrics)
        return collector


class _Tally:
    """Counts of requests by duration; the last count is of those beyond all buckets."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.counts = [0] * (len(_BUCKETS) + 1)


class _Durations(Histogram):
    """A histogram that takes many durations at a time.

    One at a time, each would take about 40 µs in a shared file, next to requests of 400 µs.
    """

    def add(self, seconds: float, counts: Iterable[int]) -> None:
        """Add durations: their sum, and how many are in each bucket."""
        self._sum.inc(seconds)
        for bucket, number in zip(self._buckets, counts, strict=True):
            if number:
                bucket.inc(number)
