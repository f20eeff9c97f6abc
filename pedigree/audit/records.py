"""Events: append-only facts, and the bytes that prove them."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import JsonValue

from pedigree._canonical_json import canonical_json
from pedigree._record import Record
from pedigree._stored_json import READABLE_DEPTH, from_stored_json, is_shallow
from pedigree._values import JSON_BYTES, RECORD_BYTES, Key
from pedigree.audit.event_types import EventType
from pedigree.errors import InvalidInputError

# The keys that name the subject of an event without a single model.
_SUBJECTS = (
    *("asset", "principal", "host", "digest", "member", "key", "read", "group", "role"),
    "pattern",
)

EVENT_BYTES = RECORD_BYTES + JSON_BYTES
"""The most bytes of an event: a record, with what the event says about it."""

# An event has its JSON values some levels deep, such as the settings of a check of a stage.
_LEVELS_ABOVE = 2


class Actor(Record):
    """Who made a change, and the source of the name."""

    name: Key
    source: str


def canonical_event(event_type: EventType, content: JsonValue) -> bytes:
    """Return the RFC 8785 bytes of an event's content.

    Raises:
        InvalidInputError: It is larger than an event may be, or has a number that JSON readers
            would read differently.
    """
    try:
        canonical = canonical_json(content)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the event {event_type} cannot be written: {error.message}", remedy=error.remedy
        ) from error
    if len(canonical) > EVENT_BYTES:
        raise InvalidInputError(
            f"the event {event_type} has {len(canonical):,} bytes, more than {EVENT_BYTES:,}",
            remedy="Store large content as a file of the version",
        )
    return canonical


class NewEvent(Record):
    """An event to write, in the transaction of its change."""

    event_id: str
    type: EventType
    model: str | None = None
    version: int | None = None
    at: datetime
    actor: Actor
    body: dict[str, JsonValue]

    def canonical(self) -> bytes:
        """Return the RFC 8785 bytes that the audit log commits to.

        Raises:
            InvalidInputError: It is larger than an event may be, or has a number that JSON readers
                would read differently.
        """
        return canonical_event(self.type, self.model_dump(mode="json"))

    @classmethod
    def stored(cls, canonical: bytes, **place: int) -> Self:
        """Return the event of stored bytes; of a value that is nested too deep, only the rest."""
        return cls(**_content(canonical), **place)


def stored_body(canonical: bytes) -> Mapping[str, JsonValue]:
    """Return the body of stored bytes, without a check of the rest.

    Raises:
        KeyError: They are no event.
    """
    body: Mapping[str, JsonValue] = _content(canonical)["body"]
    return body


class Event(NewEvent):
    """An event of the feed, with its place in the order of all events."""

    seq: int

    @classmethod
    def served(cls, canonical: bytes, seq: int, *, is_flagged: bool = False) -> "Event":
        """Return the event as the feed serves it.

        An event from before the bounds, which readers could not parse, is served without its body:
        with the hash and the size of its bytes, and its subject.
        """
        event = cls.stored(canonical, seq=seq)
        if not is_flagged and len(canonical) <= EVENT_BYTES and is_shallow(canonical):
            return event
        subjects = () if event.model else _SUBJECTS
        known = {key: event.body[key] for key in subjects if key in event.body}
        left_out: dict[str, JsonValue] = {
            "sha256": hashlib.sha256(canonical).hexdigest(),
            "bytes": len(canonical),
        }
        return event.model_copy(update={"body": {**known, "left_out": left_out}})

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor.name} {self.type.value} {self.subject}"

    @property
    def subject(self) -> str:
        """What changed, such as a model, a version, an asset, a principal, a host or a key."""
        if self.model is None:
            subjects = (self.body.get(key) for key in _SUBJECTS)
            return str(next(filter(None, subjects)))
        return self.model if self.version is None else f"{self.model}/{self.version}"


def _content(canonical: bytes) -> dict[str, Any]:
    content: dict[str, Any] = from_stored_json(canonical, READABLE_DEPTH + _LEVELS_ABOVE)
    return content
