"""Send one signed message to a webhook, and return the result."""

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from pedigree.delivery.mlflow_examples import example_of
from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.payloads import trial
from pedigree.delivery.records import Attempt, WebhookForm
from pedigree.delivery.signing import mlflow_headers, signed_headers
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
    """Send a message, signed with the webhook's present secrets in the webhook's form.

    Args:
        receiver: The webhook's form, its URL and its stored secrets.
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
    headers = mlflow_headers if receiver["form"] == WebhookForm.MLFLOW else signed_headers
    posted = posting.post(
        receiver["url"],
        headers(keys, message_id, at, body),
        body,
        allowed=settings.webhook_networks,
        timeout_s=settings.webhook_timeout.total_seconds(),
        ca_file=settings.webhook_ca_file,
    )
    attempt = Attempt(
        at=at, duration_ms=posted.duration_ms, status=posted.status, error=posted.error
    )
    return Sent(attempt, posted.retry_after)


def send_trial(receiver: Row, settings: Settings, kind: MlflowKind | None = None) -> Attempt:
    """Send a test message, without retries or a log.

    Args:
        receiver: The webhook.
        settings: The key, the networks and the timeout.
        kind: What the message of a webhook in MLflow's form is an example of; of its first event
            when None.
    """
    at: datetime = receiver["now"]
    if receiver["form"] == WebhookForm.PEDIGREE:
        return send(receiver, f"test_{uuid.uuid4()}", at, trial(at), settings).attempt
    body = example_of(kind or MlflowKind(receiver["events"][0])).payload(at)
    return send(receiver, str(uuid.uuid4()), at, body, settings).attempt
