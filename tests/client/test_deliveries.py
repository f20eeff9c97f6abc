"""Webhooks are the same in this process and over HTTP."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from pedigree.delivery.records import DeliveryState
from pedigree.errors import (
    DeliveryNotFoundError,
    InvalidInputError,
    WebhookNotFoundError,
)
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.receiving import LOOPBACK, Receiver
from tests.server.conftest import Served


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """A service with a secret key that may send to this machine; the tests send due deliveries."""
    more = {"secret_key": SECRET_KEY, "webhook_networks": LOOPBACK, "serve_delivers": False}
    return settings.model_copy(update=more)


def test_webhooks_and_their_deliveries_are_managed(
    registry: Registry, served: Served, receiver: Receiver, name: str
) -> None:
    issued = registry.create_webhook(receiver.url, types=["model.*"], models=[name])
    webhook_id = issued.webhook.webhook_id
    assert registry.webhook(webhook_id) == issued.webhook
    assert registry.webhooks(after=webhook_id - 1) == (issued.webhook,)
    assert registry.test_webhook(webhook_id).succeeded
    rotated = registry.rotate_webhook_secret(webhook_id, keep=timedelta(hours=1))
    assert rotated.webhook.old_secret_until is not None
    registry.create_model(name)
    registry.update_model(name, description="x")
    served.registry.operations.webhooks.deliver()
    listed = registry.deliveries(webhook_id)
    assert [(each.type, each.state) for each in listed] == [
        ("model.updated", "delivered"),
        ("model.created", "delivered"),
    ]
    assert receiver.requests[-1].content(rotated.secret)["type"] == "model.updated"
    assert registry.deliveries(webhook_id, before=listed[0].seq) == listed[1:]
    assert registry.deliveries(webhook_id, state=DeliveryState.DEAD) == ()
    again = registry.redeliver(webhook_id, listed[0].seq)
    assert registry.delivery(webhook_id, listed[0].seq) == again
    assert not registry.update_webhook(webhook_id, active=False, types=[]).active
    registry.delete_webhook(webhook_id)
    with pytest.raises(WebhookNotFoundError):
        registry.webhook(webhook_id)


def test_both_raise_the_same_errors(registry: Registry) -> None:
    with pytest.raises(InvalidInputError, match="matches no event type"):
        registry.create_webhook("https://ci.example", types=["versions.*"])
    webhook_id = registry.create_webhook("https://ci.example").webhook.webhook_id
    with pytest.raises(DeliveryNotFoundError):
        registry.redeliver(webhook_id, 10**6)


def test_the_work_itself_is_the_services(connect: Callable[..., Registry]) -> None:
    assert not hasattr(connect().operations.webhooks, "deliver")
