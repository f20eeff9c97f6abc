"""What receivers are sent: an event as JSON, the same bytes at every try."""

from typing import Any

from pydantic_core import to_json

from pedigree.audit.records import Event

# What Standard Webhooks advises, as many receivers take no more.
MOST_BYTES = 20_000


def message(event: Event) -> bytes:
    """Return the payload of an event, in the form that Standard Webhooks recommends.

    One that would be too large is thin: it says what happened to what, and the feed has its body.
    """
    told = event.model_dump(mode="json", exclude={"type", "at"})
    full = _payload(event, told)
    return full if len(full) <= MOST_BYTES else _payload(event, {**told, "body": None})


def _payload(event: Event, data: dict[str, Any]) -> bytes:
    return to_json({"type": event.type, "timestamp": event.at, "data": data})


def trial(at: object) -> bytes:
    """Return the payload by which a webhook is tried; no event of the registry has its type."""
    return to_json({"type": "webhook.test", "timestamp": at, "data": {}})
