"""Count requests as they are answered, for Prometheus.

Each process counts in a file that outlives it, where ``PROMETHEUS_MULTIPROC_DIR`` names a folder
for them; so a scrape of any worker tells of all of them, also of those that ended.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# From a 304 out of the cache to an upload of some minutes.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

# A series beside each, which several processes do not have, and nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """What one process has counted, and how all of it is told."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._requests = Counter(
            "pedigree_http_requests",
            "Requests that were answered, by the template of their route and their status.",
            ("method", "route", "status"),
            registry=own,
        )
        self._seconds = Histogram(
            "pedigree_http_request_duration_seconds",
            "How long it took until an answer began.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=own,
        )
        self._refused = Counter(
            "pedigree_schema_failures",
            "Requests whose metadata or signature the schema refused.",
            ("route",),
            registry=own,
        )
        self._own = own
        # labels() looks each up under a lock; these are there for every request.
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        known = self._known.get((method, route, status))
        if known is None:
            known = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
            self._known[method, route, status] = known
        known[0].inc()
        known[1].observe(seconds)

    def count_refused(self, route: str) -> None:
        """Count a request whose metadata the schema refused."""
        self._refused.labels(route).inc()

    def told_with(self, numbers: Collector) -> CollectorRegistry:
        """Return what a scrape tells: what all workers counted, and the registry's numbers."""
        told = CollectorRegistry()
        if FOLDER in os.environ:
            MultiProcessCollector(told)  # type: ignore[no-untyped-call]
        else:
            told.register(self._own)
        told.register(numbers)
        return told
