"""Send one signed message to a webhook, and return the result."""

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from pedigree.delivery.payloads import trial
from pedigree.delivery.records import Attempt
from pedigree.delivery.signing import signed_headers
from pedigree.delivery.webhooks import keys_of
from pedigree.errors import SecretKeyError
from pedigree.libraries import library
from pedigree.postgres.transaction import Row
from pedigree.settings import Settings


class Sent(NamedTuple):
    """An attempt, and the seconds that the receiver requests to wait."""

    attempt: Attempt
    retry_after: float = 0.0


def send(receiver: Row, message_id: str, at: datetime, body: bytes, settings: Settings) -> Sent:
    """Send a message, signed with the webhook's present secrets.

    Args:
        receiver: The webhook's URL and stored secrets.
        message_id: The same at each attempt.
        at: The time of the database, which the receiver compares with its own.
        body: The message.
        settings: The key, the networks and the timeout.

    Raises:
        MissingDependencyError: The HTTP library is not installed.
    """
    posting: Any = library("pedigree.delivery.egress", extra="webhooks")
    try:
        keys = keys_of(receiver, settings)
    except SecretKeyError as error:
        return Sent(Attempt(at=at, duration_ms=0, status=None, error=str(error)))
    posted = posting.post(
        receiver["url"],
        signed_headers(keys, message_id, at, body),
        body,
        allowed=settings.webhook_networks,
        timeout_s=settings.webhook_timeout.total_seconds(),
        ca_file=settings.webhook_ca_file,
    )
    attempt = Attempt(
        at=at, duration_ms=posted.duration_ms, status=posted.status, error=posted.error
    )
    return Sent(attempt, posted.retry_after)


def send_trial(receiver: Row, settings: Settings) -> Attempt:
    """Send a test message, without retries or a log."""
    at: datetime = receiver["now"]
    return send(receiver, f"test_{uuid.uuid4()}", at, trial(at), settings).attempt
