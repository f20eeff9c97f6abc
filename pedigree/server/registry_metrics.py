"""Metrics of the registry for Prometheus, read from the database at a scrape."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pedigree.audit.event_types import EventType
from pedigree.delivery.metrics import DatabaseMetrics, measure
from pedigree.distribution import own_version
from pedigree.errors import PedigreeError
from pedigree.failures.records import BackgroundWork
from pedigree.lifecycle.records import NO_STAGE
from pedigree.postgres.database import Database

# Shorter than any scrape interval: after an older answer, a counter would appear to restart.
_KEPT_S = 1.0


class RegistryMetrics(Collector):
    """The registry's own metrics, read once for all scrapes within a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._read: DatabaseMetrics | None = None
        self._read_at = -_KEPT_S

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics; only `database_up` if the database does not answer."""
        read = self.measured()
        yield _gauge(
            "build_info",
            "The version of Pedigree.",
            {own_version(): 1},
            "version",
        )
        yield _gauge("database_up", "Whether the database answered.", read is not None)
        if read is not None:
            yield from _of_events(read)
            yield from _of_waiting(read)

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering does not query the database."""
        return ()

    def measured(self) -> DatabaseMetrics | None:
        """Return the numbers, at most a second old; None if the database does not answer."""
        with self._guard:
            if time.monotonic() - self._read_at >= _KEPT_S:
                try:
                    self._read = measure(self._database)
                except PedigreeError:
                    self._read = None
                self._read_at = time.monotonic()
            return self._read


def _of_events(read: DatabaseMetrics) -> Iterator[Metric]:
    events = _counter("events", "Events of the registry, by type.", "type")
    promotions = _counter(
        "promotions",
        "Transitions of versions into a stage, with rollbacks; a replaced version is archived.",
        "stage",
    )
    checks = _counter("checks", "Verdicts of checks on versions.", "check", "passed")
    # A counter exists before it counts, so that its first increase is visible.
    counts = dict.fromkeys(map(str, EventType), 0.0)
    for (kind, detail), count in read.events.items():
        counts[kind] = counts.get(kind, 0.0) + count
        if kind == EventType.VERSION_STAGE_CHANGED and detail != NO_STAGE:
            promotions.add_metric((detail,), count)
        elif kind == EventType.VERSION_CHECK_RECORDED:
            check, _, passed = detail.rpartition(":")
            checks.add_metric((check, passed), count)
    for kind, count in counts.items():
        events.add_metric((kind,), count)
    registrations = _counter("registrations", "Registered versions.")
    registrations.add_metric((), counts[EventType.VERSION_CREATED])
    yield from (registrations, promotions, checks, events)


def _of_waiting(read: DatabaseMetrics) -> Iterator[Metric]:
    yield _gauge("unsealed_events", "Committed events that are not in the feed yet.", read.unsealed)
    yield _gauge("sealer_lag_seconds", "Age of the oldest of these events.", read.sealer_lag)
    yield _gauge(
        "outbox_pending",
        "Queued deliveries of a webhook.",
        read.outbox_pending,
        "webhook",
    )
    yield _gauge(
        "outbox_age_seconds",
        "Age of the oldest event that was not delivered to a webhook.",
        read.outbox_age,
        "webhook",
    )
    yield _gauge(
        "sink_behind_events",
        "Events of the feed that were not sent to a sink.",
        read.sink_behind,
        "sink",
    )
    yield _gauge("sink_lag_seconds", "Age of the oldest of these events.", read.sink_lag, "sink")
    yield _gauge(
        "failing_members",
        "Members of background work, such as models and webhooks, whose last attempt failed.",
        {**dict.fromkeys(map(str, BackgroundWork), 0.0), **read.failing_members},
        "work",
    )


def _counter(name: str, about: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"pedigree_{name}", about, labels=labels)


def _gauge(
    name: str, about: str, value: float | Mapping[str, float], label: str | None = None
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"pedigree_{name}", about, labels=[label] if label else ())
    labelled = value.items() if isinstance(value, Mapping) else [(None, value)]
    for known, number in labelled:
        family.add_metric([known] if known is not None else [], float(number))
    return family
