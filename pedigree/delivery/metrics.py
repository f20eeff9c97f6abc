"""What the registry's numbers are now: how much happened, and what waits for how long."""

from collections.abc import Mapping
from typing import NamedTuple

from pedigree.audit import log
from pedigree.delivery.webhooks import SQL
from pedigree.postgres.database import Database


class DatabaseMetrics(NamedTuple):
    """Numbers of the whole registry, whoever did what is counted."""

    events: Mapping[tuple[str, str], float]
    """How many there are, by type and detail: the stage of a move, `check:true` of a verdict."""
    unsealed: float
    """Committed events that have no place in the feed yet."""
    sealer_lag: float
    """How many seconds ago the oldest of them happened."""
    outbox_pending: Mapping[str, float]
    """Deliveries that are queued, by webhook."""
    outbox_age: Mapping[str, float]
    """How many seconds ago the oldest event happened that a webhook has not been told of."""
    sink_behind: Mapping[str, float]
    """Events of the feed that a sink has not got."""
    sink_lag: Mapping[str, float]
    """How many seconds ago the oldest of them happened."""


def measure(database: Database) -> DatabaseMetrics:
    """Read all numbers by one statement; then give a place to the events that had none.

    So events are sealed also where nobody reads the feed, and the lag says how late that is.
    """
    found: dict[str, dict[tuple[str, str], float]] = {}
    for row in database.fetch_all(SQL["measures"]):
        found.setdefault(row["measure"], {})[row["label"], row["detail"]] = row["value"]
    (unsealed,) = found["unsealed"].values()
    (sealer_lag,) = found["sealer_lag"].values()
    if unsealed:
        database.transaction(log.sequence)
    return DatabaseMetrics(
        events=found.get("events", {}),
        unsealed=unsealed,
        sealer_lag=sealer_lag,
        outbox_pending=_labelled(found, "outbox_pending"),
        outbox_age=_labelled(found, "outbox_age"),
        sink_behind=_labelled(found, "sink_behind"),
        sink_lag=_labelled(found, "sink_lag"),
    )


def _labelled(
    found: Mapping[str, Mapping[tuple[str, str], float]], measure: str
) -> Mapping[str, float]:
    return {label: value for (label, _), value in found.get(measure, {}).items()}
