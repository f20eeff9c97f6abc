"""The registry's metrics: counts of events, and the lag of their delivery."""

from collections.abc import Mapping
from typing import NamedTuple

from pedigree.audit import log
from pedigree.delivery.webhooks import SQL
from pedigree.postgres.database import Database


class DatabaseMetrics(NamedTuple):
    """Metrics of the whole registry, independent of the process."""

    events: Mapping[tuple[str, str], float]
    """Events by type and detail: the stage of a move, `check:true` of a verdict."""
    unsealed: float
    """Committed events without a position in the feed yet."""
    sealer_lag: float
    """How many seconds ago the oldest of them happened."""
    outbox_pending: Mapping[str, float]
    """Deliveries that are queued, by webhook."""
    outbox_age: Mapping[str, float]
    """The age in seconds of the oldest event that a webhook has not received."""
    sink_behind: Mapping[str, float]
    """Events of the feed that a sink has not received."""
    sink_lag: Mapping[str, float]
    """How many seconds ago the oldest of them happened."""
    failing_members: Mapping[str, float]
    """Members of background work that failed at their last attempt, by the work."""


def measure(database: Database) -> DatabaseMetrics:
    """Read all metrics with one statement; then assign feed positions to the events without one.

    So events are sealed even if nobody reads the feed, and the lag shows how late that is.
    """
    found: dict[str, dict[tuple[str, str], float]] = {}
    for row in database.fetch_all(SQL["measures"]):
        found.setdefault(row["measure"], {})[row["label"], row["detail"]] = row["value"]
    (unsealed,) = found["unsealed"].values()
    (sealer_lag,) = found["sealer_lag"].values()
    if unsealed:
        log.sequence(database)
    return DatabaseMetrics(
        events=found.get("events", {}),
        unsealed=unsealed,
        sealer_lag=sealer_lag,
        outbox_pending=_labelled(found, "outbox_pending"),
        outbox_age=_labelled(found, "outbox_age"),
        sink_behind=_labelled(found, "sink_behind"),
        sink_lag=_labelled(found, "sink_lag"),
        failing_members=_labelled(found, "failing_members"),
    )


def _labelled(
    found: Mapping[str, Mapping[tuple[str, str], float]], measure: str
) -> Mapping[str, float]:
    return {label: value for (label, _), value in found.get(measure, {}).items()}
