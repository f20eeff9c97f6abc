"""Events: one append-only fact each, and the bytes that make it provable."""

import hashlib
from datetime import datetime
from enum import StrEnum

import rfc8785
from pydantic import JsonValue

from pedigree._record import Record

# What events of no single model name instead.
_SUBJECTS = ("asset", "principal", "host", "digest")


class EventType(StrEnum):
    """Every kind of event, as ``object.action``; docs/reference/events.md lists them."""

    about: str

    def __new__(cls, value: str, about: str = "") -> "EventType":
        """Return a kind that says when it is written."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.about = about
        return kind

    MODEL_CREATED = "model.created", "A model was made, by itself or with its first version"
    MODEL_UPDATED = (
        "model.updated",
        "A model's description, owners, tags, policy or retention changed",
    )
    MODEL_DELETED = "model.deleted", "A model was deleted with all its versions"
    MODEL_RESTORED = "model.restored", "A deleted model is back"
    MODEL_CHECK_UNATTRIBUTED = (
        "model.check_unattributed",
        "An asset check ran on a model, and it is not known which version it looked at",
    )
    VERSION_CREATED = "version.created", "A version was registered"
    VERSION_TRAINED = (
        "version.trained",
        "Another run made the same bytes, and is kept with their version",
    )
    VERSION_UPDATED = (
        "version.updated",
        "A version's description, owners, tags, card or evaluation changed",
    )
    VERSION_DOWNLOADED = (
        "version.downloaded",
        "Somebody began to download a version from the service: once an hour for each of them",
    )
    VERSION_DELETED = (
        "version.deleted",
        "A version was deleted; until it is collected it can be restored",
    )
    VERSION_RESTORED = "version.restored", "A deleted version is back"
    VERSION_COLLECTED = "version.collected", "The bytes of a deleted version are gone for good"
    VERSION_TIER_CHANGED = (
        "version.tier_changed",
        "A version's bytes moved to the archive's storage class, or back",
    )
    VERSION_STAGE_REQUESTED = (
        "version.stage_requested",
        "Somebody asked a stage for a version, which waits for its gates",
    )
    VERSION_REQUEST_WITHDRAWN = (
        "version.request_withdrawn",
        "Requests for a version's way into a stage were taken back",
    )
    VERSION_STAGE_CHANGED = "version.stage_changed", "A version entered a stage, or left one"
    VERSION_CHECK_RECORDED = "version.check_recorded", "A check said whether a version is fit"
    VERSION_PROMOTION_GIVEN_UP = (
        "version.promotion_given_up",
        "The promotion sensor gave up: every run that should have promoted a version failed",
    )
    VERSION_PROMOTION_RETRIED = (
        "version.promotion_retried",
        "Somebody asked the promotion sensor to try again what it gave up",
    )
    VERSION_APPROVED = "version.approved", "Somebody said yes to a version's promotion"
    VERSION_REJECTED = "version.rejected", "Somebody said no to a version's promotion"
    VERSION_PROFILED = "version.profiled", "A profile of a version's training data was kept"
    VERSION_DRIFT_MEASURED = (
        "version.drift_measured",
        "Later data was held against a version's profile",
    )
    VERSION_DRIFT_DETECTED = (
        "version.drift_detected",
        "Data has drifted away from what a version was trained on",
    )
    VERSION_HELD = "version.held", "A legal hold keeps a version from being deleted"
    VERSION_QUARANTINED = (
        "version.quarantined",
        "A version, or data that it certainly or possibly depends on, was put in quarantine",
    )
    VERSION_RELEASED = (
        "version.released",
        "A version left a quarantine (its body has `from`), or a legal hold",
    )
    ALIAS_SET = "alias.set", "An alias names a version, and whichever it named before no more"
    ALIAS_DELETED = "alias.deleted", "An alias is gone"
    ASSET_QUARANTINED = "asset.quarantined", "Data was put in quarantine"
    ASSET_RELEASED = "asset.released", "Data left quarantine"
    DATASHEET_SET = "datasheet.set", "A datasheet of data was written, or written anew"
    DATA_CHECK_RECORDED = "data.check_recorded", "A check said whether data is fit"
    TOKEN_CREATED = "token.created", "A token of the service was made"
    TOKEN_REVOKED = "token.revoked", "A token of the service was revoked"
    WEBHOOK_CREATED = "webhook.created", "A webhook was made"
    WEBHOOK_UPDATED = "webhook.updated", "A webhook's URL, description, filters or activity changed"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated", "A webhook has a new secret"
    WEBHOOK_DELETED = "webhook.deleted", "A webhook is gone"
    BLOB_REMOVED = "blob.removed", "Bytes that no version needs were removed"
    BLOB_MOVED = "blob.moved", "Bytes were moved to another storage class"


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
        """What it happened to: a model, a version, an asset, a principal, a host, shared bytes."""
        if self.model is None:
            known = (self.body.get(key) for key in _SUBJECTS)
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
