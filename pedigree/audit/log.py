"""The event log: write events with their changes, give them one order, and read them."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, Event, NewEvent
from pedigree.postgres.asked import in_role
from pedigree.postgres.asker import DatabaseRole
from pedigree.postgres.database import Database
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)

# The keys of an event's bytes are sorted, and the actor's name comes first.
_BY_CARDS = b'{"actor":{"name":"service:cards",'


class FeedEntry(NamedTuple):
    """What an event of the feed concerns.

    Attributes:
        seq: Its place.
        type: Its type.
        model: The name of its model, if it belongs to a single one.
        version: The number of its version, likewise.
        is_of_card: It says only that the card of the version was drawn again.
    """

    seq: int
    type: str
    model: str | None
    version: int | None
    is_of_card: bool


def record(
    connection: Transaction,
    event_type: EventType,
    *bodies: Mapping[str, JsonValue],
    model: str | None = None,
    version: int | None = None,
    at: datetime,
    actor: Actor,
) -> None:
    """Write an event, or several simultaneous ones of one type, in the caller's transaction.

    Args:
        connection: The transaction of the change itself.
        event_type: What happened.
        bodies: What a reader needs to replay the change: one body per event, in their order.
        model: The model's name; None for an event that belongs to no single model.
        version: The version that changed, if it is a single one.
        at: The time by the database's clock, taken after the model's row was locked.
        actor: The actor of the change.
    """
    events = [
        NewEvent(
            event_id=str(uuid.uuid4()),
            type=event_type,
            model=model,
            version=version,
            at=at,
            actor=actor,
            body=dict(body),
        )
        for body in bodies
    ]
    canonicals = [event.canonical() for event in events]
    connection.execute(
        _SQL["record_events"],
        {
            "event_ids": [event.event_id for event in events],
            "type": event_type.value,
            "model": model,
            "version": version,
            "at": at,
            "canonicals": canonicals,
            "actor": actor.name,
            "actor_source": actor.source,
        },
    )


def sequence(database: Database) -> None:
    """Give every committed event its place in the feed.

    Without such an event it is one statement. If another process is doing so, it is awaited for at
    most half a second, since it may not see the newest events.
    """
    if database.fetch_all(_SQL["anything_unsequenced"]) == [{"waiting": True}]:
        sequencer = in_role(database, DatabaseRole.SEQUENCER)
        sequencer.transaction(lambda transaction: transaction.execute(_SQL["sequence_events"]))


def read(
    connection: Transaction,
    *,
    after: int,
    limit: int,
    types: Collection[EventType] | None = None,
    model: str | None = None,
    visible: Sequence[str] | None = None,
) -> RecordPage[Event]:
    """Return events of the feed, the oldest first.

    Args:
        connection: Where to read.
        after: The place after which they are.
        limit: The largest number of results.
        types: Only events of these types.
        model: Only events of this model.
        visible: Only events of models of these names; all events when None.
    """
    values: dict[str, Any] = {
        "after": after,
        "limit": limit,
        "visible": visible,
        "types": sorted(kind.value for kind in types) if types is not None else None,
    }
    if model is None:
        found = fetch_page(connection, _SQL["read_feed"], values)
    else:
        found = fetch_page(connection, _SQL["read_feed_of_model"], {**values, "model": model})
    return RecordPage((Event.served(**row) for row in found.rows), is_cut=found.is_cut)


def read_of_version(
    connection: Transaction, model: str, version: int, *, limit: int, before: int | None
) -> RecordPage[Event]:
    """Return events of a version, the newest first.

    Args:
        connection: Where to read.
        model: Its model.
        version: Its number.
        limit: The largest number of results.
        before: Only events before this place; all when None.
    """
    values = {"model": model, "version": version, "limit": limit, "before": before}
    found = fetch_page(connection, _SQL["read_feed_of_version"], values)
    return RecordPage((Event.served(**row) for row in found.rows), is_cut=found.is_cut)


def models_changed(
    database: Database, after: int, until: int, *, silent: Collection[EventType]
) -> frozenset[str]:
    """Return the models with events between two places of the feed.

    Args:
        database: Where to read.
        after: The place after which the events are.
        until: The last place.
        silent: Types of events that do not count.
    """
    values = {"after": after, "until": until, "silent": [kind.value for kind in silent]}
    return frozenset(row["model"] for row in database.fetch_all(_SQL["models_changed"], values))


def entries(database: Database, after: int, limit: int) -> tuple[FeedEntry, ...]:
    """Return what the events after a place of the feed concern, the oldest first.

    Args:
        database: Where to read; it sees all models.
        after: The place after which they are.
        limit: The largest number of results.
    """
    values = {"after": after, "limit": limit, "begins": _BY_CARDS}
    return tuple(
        FeedEntry(
            row["seq"], row["type"], row["model"], row["version"], is_of_card=row["is_marked"]
        )
        for row in database.fetch_all(_SQL["feed_entries"], values)
    )


def feed_head(database: Database) -> int:
    """Give every committed event its place, and return the newest place; 0 if there is no event."""
    sequence(database)
    rows = database.fetch_all(_SQL["feed_head"])
    return int(rows[0]["seq"]) if rows else 0
