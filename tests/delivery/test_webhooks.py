"""Webhooks: their stored data, their signatures, and their events."""

from datetime import timedelta

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import WebhookVerificationError

from pedigree.audit.event_types import EventType
from pedigree.delivery.signing import SecretBox
from pedigree.errors import InvalidInputError, SecretKeyError, WebhookNotFoundError
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import with_secret_key
from tests.receiving import LOOPBACK, Receiver

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
OTHER_KEY = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="


def settings(key: str) -> Settings:
    return Settings(secret_key=SecretStr(key))


def test_a_secret_is_shown_once_and_stored_encrypted(telling: Registry) -> None:
    issued = telling.create_webhook("https://ci.example/hook", types=["version.*"])
    assert issued.secret.startswith("whsec_")
    assert issued.secret not in repr(issued)
    assert telling.webhooks() == (issued.webhook,)
    assert telling.webhook(issued.webhook.webhook_id) == issued.webhook
    kept = telling.database.fetch_all("SELECT secret, webhook::text AS row FROM pedigree.webhook")
    sent = [event.model_dump_json() for event in telling.events()]
    assert issued.secret not in str(kept) + str(sent)
    assert SecretBox(telling.settings).open(bytes(kept[0]["secret"])) == issued.secret


def test_without_a_key_nothing_is_stored(registry: Registry) -> None:
    with pytest.raises(SecretKeyError, match="PEDIGREE_SECRET_KEY: it is not set"):
        registry.create_webhook("https://ci.example")
    with pytest.raises(SecretKeyError, match="32 bytes in base64"):
        SecretBox(settings("short"))
    assert registry.webhooks() == ()


def test_the_key_is_rotated_by_listing_the_old_one_after_a_comma() -> None:
    kept = SecretBox(settings(KEY)).seal("whsec_x")
    assert SecretBox(settings(f"{OTHER_KEY}, {KEY}")).open(kept) == "whsec_x"
    with pytest.raises(SecretKeyError, match="not the key"):
        SecretBox(settings(OTHER_KEY)).open(kept)


def test_a_message_is_verified_by_the_standards_own_library(
    telling: Registry, receiver: Receiver
) -> None:
    issued = telling.create_webhook(receiver.url, types=["model.created"], models=["churn"])
    telling.create_model("churn", description="who leaves")
    (event,) = telling.events(types=[EventType.MODEL_CREATED])
    telling.operations.webhooks.deliver()
    (request,) = receiver.requests
    sent = request.content(issued.secret)
    assert request.headers["webhook-id"] == event.event_id == sent["data"]["event_id"]
    assert sent["type"] == "model.created"
    assert sent["data"]["model"] == "churn"
    assert sent["data"]["actor"]["name"] == "tester"
    request.body += b" "
    with pytest.raises(WebhookVerificationError):
        request.content(issued.secret)


def test_the_previous_secret_also_signs_for_a_while(telling: Registry, receiver: Receiver) -> None:
    issued = telling.create_webhook(receiver.url, types=["model.created"])
    webhook_id = issued.webhook.webhook_id
    rotated = telling.rotate_webhook_secret(webhook_id, keep=timedelta(hours=1))
    telling.create_model("first")
    telling.operations.webhooks.deliver()
    telling.rotate_webhook_secret(webhook_id, keep=timedelta(0))
    telling.create_model("second")
    telling.operations.webhooks.deliver()
    first, second = receiver.requests
    assert first.content(issued.secret) == first.content(rotated.secret)
    for stale in (issued.secret, rotated.secret):
        with pytest.raises(WebhookVerificationError):
            second.content(stale)


def test_only_what_is_asked_for_is_sent(telling: Registry, receiver: Receiver) -> None:
    telling.create_webhook(receiver.url, types=["model.created", "alias.*"], models=["churn*"])
    for name in ("churn", "churn-eu", "fraud"):
        telling.create_model(name)
    telling.update_model("churn", description="x")
    telling.operations.webhooks.deliver()
    assert receiver.kinds() == ["model.created", "model.created"]


def test_what_happened_before_is_not_sent(telling: Registry, receiver: Receiver) -> None:
    telling.create_model("before")
    telling.create_webhook(receiver.url, types=["model.*"])
    telling.create_model("behind")
    telling.operations.webhooks.deliver()
    assert receiver.kinds() == ["model.created"]


def test_nothing_is_sent_while_it_is_not_active_and_nothing_is_lost(
    telling: Registry, receiver: Receiver
) -> None:
    webhook_id = telling.create_webhook(receiver.url, types=["model.*"]).webhook.webhook_id
    telling.update_webhook(webhook_id, active=False)
    telling.create_model("churn")
    assert telling.operations.webhooks.deliver() == 0
    telling.update_webhook(webhook_id, active=True)
    assert telling.operations.webhooks.deliver() == 1


def test_each_change_of_a_webhook_is_an_event_without_its_secrets_or_url(telling: Registry) -> None:
    url = "https://ci.example/services/T0/secret-path"
    webhook_id = telling.create_webhook(url).webhook.webhook_id
    telling.update_webhook(webhook_id, description="ci", active=False)
    telling.update_webhook(webhook_id, description="ci")  # says nothing new
    telling.rotate_webhook_secret(webhook_id)
    telling.delete_webhook(webhook_id)
    sent = telling.events()
    assert [(event.type, event.subject) for event in sent] == [
        ("webhook.created", "ci.example"),
        ("webhook.updated", "ci.example"),
        ("webhook.secret_rotated", "ci.example"),
        ("webhook.deleted", "ci.example"),
    ]
    assert "secret-path" not in str(sent)
    assert telling.webhooks() == ()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://ci.example",
            "ci.example",
            "https://",
            "https://u:p@ci.example",
            "https://x:99999",
        ),
        *("https://ci.example/#a", "https://ci.example/ä", "https://ci.example/a b\r\nX: y"),
        "https://" + "x" * 2050,
    ],
)
def test_an_invalid_url_is_refused(telling: Registry, url: str) -> None:
    with pytest.raises(InvalidInputError, match="url"):
        telling.create_webhook(url)


def test_http_is_for_networks_that_the_settings_name(registry: Registry) -> None:
    with pytest.raises(InvalidInputError, match="PEDIGREE_WEBHOOK_NETWORKS"):
        with_secret_key(registry).create_webhook("http://ci.example")
    with_secret_key(registry, webhook_networks=LOOPBACK).create_webhook("http://ci.example")


def test_a_pattern_that_matches_no_type_is_refused(telling: Registry) -> None:
    with pytest.raises(InvalidInputError, match=r"matches no event type.*versions\."):
        telling.create_webhook("https://ci.example", types=["versions.*"])


def test_a_missing_webhook_or_delivery_is_named(telling: Registry) -> None:
    for verb in (telling.webhook, telling.delete_webhook, telling.rotate_webhook_secret):
        with pytest.raises(WebhookNotFoundError, match="webhook list"):
            verb(7)
    for verb in (telling.update_webhook, telling.test_webhook, telling.deliveries):
        with pytest.raises(WebhookNotFoundError):
            verb(7)
