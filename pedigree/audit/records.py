"""Events: one append-only fact each, and the bytes that make it provable."""

import hashlib
from datetime import datetime
from enum import StrEnum

import rfc8785
from pydantic import JsonValue

from pedigree._record import Record


class EventType(StrEnum):
    """Every kind of event, as ``object.action``."""

    MODEL_CREATED = "model.created"
    MODEL_UPDATED = "model.updated"
    MODEL_DELETED = "model.deleted"
    MODEL_RESTORED = "model.restored"
    VERSION_CREATED = "version.created"
    VERSION_TRAINED = "version.trained"
    VERSION_UPDATED = "version.updated"
    VERSION_DELETED = "version.deleted"
    VERSION_RESTORED = "version.restored"
    VERSION_COLLECTED = "version.collected"
    VERSION_TIER_CHANGED = "version.tier_changed"
    VERSION_STAGE_CHANGED = "version.stage_changed"
    VERSION_CHECK_RECORDED = "version.check_recorded"
    VERSION_APPROVED = "version.approved"
    VERSION_REJECTED = "version.rejected"
    VERSION_PROFILED = "version.profiled"
    VERSION_DRIFT_MEASURED = "version.drift_measured"
    VERSION_DRIFT_DETECTED = "version.drift_detected"
    VERSION_HELD = "version.held"
    VERSION_QUARANTINED = "version.quarantined"
    VERSION_RELEASED = (
        "version.released"  # from quarantine; without "from" in its body, from a hold
    )
    ALIAS_SET = "alias.set"
    ALIAS_DELETED = "alias.deleted"
    ASSET_QUARANTINED = "asset.quarantined"
    ASSET_RELEASED = "asset.released"
    DATASHEET_SET = "datasheet.set"
    DATA_CHECK_RECORDED = "data.check_recorded"
    TOKEN_CREATED = "token.created"  # noqa: S105 -- a kind of event
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    BLOB_REMOVED = "blob.removed"
    BLOB_MOVED = "blob.moved"


class Actor(Record):
    """Who did something, and how that is known."""

    name: str
    source: str


class NewEvent(Record):
    """An event about to be written, inside the transaction of the change it tells of."""

    event_id: str
    type: EventType
    model: str | None = None
    version: int | None = None
    at: datetime
    actor: Actor
    body: dict[str, JsonValue]

    def canonical(self) -> bytes:
        """Return the RFC 8785 bytes that the audit log commits to."""
        return rfc8785.dumps(self.model_dump(mode="json"))


class Event(NewEvent):
    """An event as the feed gives it, at its place in the one order of all events."""

    seq: int

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor.name} {self.type.value} {self.subject}"

    @property
    def subject(self) -> str:
        """What it happened to: a model, a version, an asset, a principal, or shared bytes."""
        if self.model is None:
            known = (self.body.get(key) for key in ("asset", "principal", "digest"))
            return str(next(filter(None, known)))
        return self.model if self.version is None else f"{self.model}/{self.version}"


def json_digest(value: JsonValue) -> str:
    """Return the digest of a value's canonical JSON, also of one that Postgres gave back.

    Postgres writes a large number without exponent, which Python then reads as an integer.

    >>> json_digest({"rows": 2}) == json_digest({"rows": 2.0})
    True
    """
    return "sha256:" + hashlib.sha256(rfc8785.dumps(_with_floats(value))).hexdigest()


def _with_floats(value: JsonValue) -> JsonValue:
    match value:
        case bool() | str() | None:
            return value
        case int() | float():
            return float(value)
        case list():
            return [_with_floats(each) for each in value]
        case _:
            return {name: _with_floats(each) for name, each in value.items()}


def leaf_hash(canonical: bytes) -> bytes:
    """Return the Merkle leaf hash of an event's bytes (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + canonical).digest()
