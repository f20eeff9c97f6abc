"""The newest events of the log, by who, what and when; a page reads a bounded part of the log."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple

from pedigree._canonical_json import canonical_json
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.postgres.database import Database
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.together import Question, ask_together
from pedigree.postgres.transaction import Row, Transaction

_SQL = load_queries(__package__)

MOST_READ = 10_000
"""How many events one page reads at most, also if none of them fits."""

# These are written with nearly every version, so the index event_of_type leaves them out, and the
# newest events have some of them. The predicate of the index lists the same types.
FREQUENT = frozenset(
    {
        EventType.VERSION_CREATED,
        EventType.VERSION_TRAINED,
        EventType.VERSION_UPDATED,
        EventType.VERSION_DOWNLOADED,
        EventType.VERSION_STAGE_CHANGED,
        EventType.VERSION_CHECK_RECORDED,
        EventType.VERSION_PROFILED,
        EventType.VERSION_DRIFT_MEASURED,
        EventType.DATA_CHECK_RECORDED,
    }
)

# The time of an event is taken within its transaction, and its place in the feed after the commit.
# A transaction ends when it is idle for so long, or its statement takes so long.
_LONGEST_TRANSACTION = timedelta(minutes=10)
_BEHIND_ALL = 2**63 - 1


class EventFilter(NamedTuple):
    """Which events are looked for.

    Attributes:
        model: Only those of this model.
        event_type: Only those of this type.
        without: None of these types.
        actor: Only those that this actor made, by the name that the log has.
        since: Only those from this time on.
        until: Only those before this time.
    """

    model: str | None = None
    event_type: EventType | None = None
    without: Collection[EventType] = ()
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class FoundEvents(NamedTuple):
    """A page of events, the newest first.

    Attributes:
        events: The events.
        older: Where the next page begins, as its ``before``; None if there are no older events.
        is_short: It ends early, since as many events were read as a page reads; older ones may fit.
    """

    events: tuple[Event, ...]
    older: int | None
    is_short: bool


class LogSpan(NamedTuple):
    """Places of the feed between which the events of a period are; the last one is not included."""

    first: int
    behind: int


def span_of(database: Database, wanted: EventFilter, before: int | None) -> LogSpan:
    """Return where in the feed the events of a filter's period can be.

    Args:
        database: A database that sees all events: a place says nothing about an event.
        wanted: The filter.
        before: Only places before this one.
    """
    first, behind = 1, min(before or _BEHIND_ALL, _BEHIND_ALL)
    if wanted.since is not None:
        first = _place(database, wanted.since - _LONGEST_TRANSACTION)
    if wanted.until is not None:
        behind = min(behind, _place(database, wanted.until + _LONGEST_TRANSACTION))
    return LogSpan(first, behind)


def _place(database: Database, moment: datetime) -> int:
    (row,) = database.fetch_all(_SQL["place_of_time"], {"moment": moment})
    return int(row["seq"])


def newest(
    transaction: Transaction,
    wanted: EventFilter,
    span: LogSpan,
    *,
    limit: int,
    visible: Sequence[str] | None,
    most_read: int = MOST_READ,
) -> FoundEvents:
    """Return the newest events that fit, within some places of the feed.

    Args:
        transaction: Where to read.
        wanted: Which events.
        span: The places, as :func:`span_of` returns them.
        limit: The largest number of results.
        visible: Only events of models of these names; all events when None.
        most_read: How many events are read at most.
    """
    values: dict[str, Any] = {
        "first": span.first,
        "behind": span.behind,
        "model": wanted.model,
        "type": wanted.event_type.value if wanted.event_type else None,
        "without": [each.value for each in wanted.without],
        "actor": _actor_in_event(wanted.actor),
        "since": wanted.since,
        "until": wanted.until,
        "visible": visible,
        "most_read": most_read,
        "limit": limit + 1,
    }
    page, last = _queries(wanted)
    if wanted.model is not None:  # by an index, whatever else is asked
        asked = [Question(page, values, is_page=True), Question(last, values)]
        transaction = ask_together(transaction, asked)
    found = fetch_page(transaction, page, values)
    shown = tuple(Event.served(**row) for row in found.rows[:limit])
    if len(found.rows) > limit or found.is_cut:
        return FoundEvents(shown, shown[-1].seq, is_short=False)
    rows: list[Row] = transaction.execute(last, values).fetchall()
    older = int(rows[0]["seq"]) if rows else None
    return FoundEvents(shown, older, is_short=older is not None)


def _queries(wanted: EventFilter) -> tuple[LiteralString, LiteralString]:
    """Return the query of a page, and the one of the last place that it reads."""
    if wanted.model is not None:
        return _SQL["newest_of_model"], _SQL["last_read_of_model"]
    if wanted.event_type is not None and wanted.event_type not in FREQUENT:
        return _SQL["newest_of_type"], _SQL["last_read_of_type"]
    return _SQL["newest_of_feed"], _SQL["last_read_of_feed"]


def _actor_in_event(actor: str | None) -> bytes | None:
    """Return how the bytes of an actor's events begin: their keys are sorted (RFC 8785)."""
    return None if actor is None else b'{"actor":{"name":' + canonical_json(actor) + b","
