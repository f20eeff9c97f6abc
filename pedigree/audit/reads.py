"""Reads that matter are events: at most one an hour for each reader, type and subject.

The database decides which read is the first of its hour. A process remembers what the database
answered until the hour ends, so that a repeated read costs no statement.
"""

import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeAlias

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, canonical_event
from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries

_SQL = load_queries(__package__)
_MOST_REMEMBERED = 10_000

_Read: TypeAlias = tuple[str, EventType, str | None, int | None]


class NotedReads:
    """The reads that this process knows to be noted in the present hour."""

    def __init__(self) -> None:
        self._until: OrderedDict[_Read, float] = OrderedDict()
        self._guard = threading.Lock()

    def note(
        self,
        database: Database,
        event_type: EventType,
        actor: Actor,
        body: Mapping[str, JsonValue],
        *,
        model: str | None = None,
        version: int | None = None,
    ) -> None:
        """Write the event of a read, before its result is given, unless this hour has it already.

        Args:
            database: Where to write it: one statement, which waits for no lock of a model.
            event_type: What is read.
            actor: Who reads it.
            body: What a reader of the log needs to know.
            model: The model's name, if it is of a model.
            version: The version, if it is of one.
        """
        read = (actor.name, event_type, model, version)
        asked_at = time.monotonic()
        if self._is_noted(read, asked_at):
            return
        values = _values(event_type, actor, body, model, version)
        seconds = database.call(_SQL["note_read"], values)["seconds"]
        with self._guard:
            self._until[read] = asked_at + seconds
            self._until.move_to_end(read)
            if len(self._until) > _MOST_REMEMBERED:
                self._until.popitem(last=False)

    def _is_noted(self, read: _Read, now: float) -> bool:
        with self._guard:
            return self._until.get(read, now) > now


def _values(
    event_type: EventType,
    actor: Actor,
    body: Mapping[str, JsonValue],
    model: str | None,
    version: int | None,
) -> dict[str, object]:
    """Return the parameters of the query; the time is a hole that the database fills."""
    event_id, hole = str(uuid.uuid4()), uuid.uuid4().hex
    content: JsonValue = {
        "event_id": event_id,
        "type": event_type.value,
        "model": model,
        "version": version,
        "at": hole,
        "actor": actor.model_dump(mode="json"),
        "body": dict(body),
    }
    canonical = canonical_event(event_type, content).decode()
    event = {"event_id": event_id, "type": event_type.value, "canonical": canonical}
    return {
        "reader": actor.name,
        "actor_source": actor.source,
        "event": json.dumps(event),
        "hole": hole,
        "model": model,
        "version": version,
    }
