"""What receivers are sent: an event as JSON, the same bytes at every try."""

from pydantic_core import to_json

from pedigree.audit.records import Event


def message(event: Event) -> bytes:
    """Return the payload of an event, in the form that Standard Webhooks recommends."""
    told = event.model_dump(mode="json", exclude={"type", "at"})
    return to_json({"type": event.type, "timestamp": event.at, "data": told})


def trial(at: object) -> bytes:
    """Return the payload by which a webhook is tried; no event of the registry has its type."""
    return to_json({"type": "webhook.test", "timestamp": at, "data": {}})
