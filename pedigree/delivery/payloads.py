"""The payloads for receivers: an event as JSON, with the same bytes at every attempt."""

from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from pedigree.audit.records import Event
from pedigree.delivery.mlflow_messages import MessagePart

# The limit that Standard Webhooks recommends, since many receivers accept no more.
MOST_BYTES = 20_000


def message(event: Event, named: Callable[[bytes], bytes]) -> bytes:
    """Return the payload of an event, in the form that Standard Webhooks recommends.

    If it would be too large, it is thin: it has the event's type and subject, without the body,
    which the feed has.

    Args:
        event: The event.
        named: Returns JSON with names instead of pseudonyms.
    """
    data = event.model_dump(mode="json", exclude={"type", "at"})
    full = named(_payload(event, data))
    return full if len(full) <= MOST_BYTES else named(_payload(event, {**data, "body": None}))


def mlflow_message(event: Event, part: MessagePart, named: Callable[[bytes], bytes]) -> bytes:
    """Return the payload of a message of an event in MLflow's form, which has no thin one.

    Args:
        event: The event.
        part: The message.
        named: Returns JSON with names instead of pseudonyms.
    """
    return named(part.message.payload(event.at))


def _payload(event: Event, data: dict[str, Any]) -> bytes:
    return to_json({"type": event.type, "timestamp": event.at, "data": data})


def trial(at: object) -> bytes:
    """Return the payload of a test message; no event of the registry has its type."""
    return to_json({"type": "webhook.test", "timestamp": at, "data": {}})
