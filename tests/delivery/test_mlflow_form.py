"""Webhooks in MLflow's form: which events are which messages, and how these are signed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.delivery.mlflow_webhooks import NewMlflowWebhook
from pedigree.delivery.records import WebhookForm
from pedigree.delivery.signing import SecretBox
from pedigree.errors import InvalidInputError, SecretKeyError, WebhookNotFoundError
from pedigree.lifecycle.policy import open_policy
from pedigree.registry import Registry
from pedigree.registry.sources import NewSource
from pedigree.settings import Settings
from tests.delivery.conftest import hurry
from tests.factories import with_secret_key
from tests.receiving import LOOPBACK, Received, Receiver

SECRET = "a secret of the receiver, ü"
PROMPT = {"mlflow.prompt.is_prompt": "true"}
ALL = tuple(MlflowKind)


@pytest.fixture
def telling(registry: Registry) -> Registry:
    """A registry that may send to this machine, and takes sources of S3 by reference."""
    sources = Settings(mlflow_sources="s3://=reference").mlflow_sources  # type: ignore[arg-type]
    return with_secret_key(registry, webhook_networks=LOOPBACK, mlflow_sources=sources)


def hooked(
    registry: Registry,
    receiver: Receiver,
    events: Sequence[MlflowKind] = ALL,
    secret: str | None = SECRET,
) -> int:
    new = NewMlflowWebhook(name="ci", url=receiver.url, events=events, secret=secret)
    return registry.operations.mlflow_webhooks.create(new).webhook_id


def verified(request: Received, secret: str = SECRET) -> dict[str, Any]:
    """The content of a request, if MLflow's recipe for receivers finds its signature valid."""
    version, _, signature = request.headers["X-MLflow-Signature"].partition(",")
    delivery_id = request.headers["X-MLflow-Delivery-Id"]
    timestamp = request.headers["X-MLflow-Timestamp"]
    signed = f"{delivery_id}.{timestamp}.{request.body.decode()}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    assert version == "v1"
    assert hmac.compare_digest(base64.b64decode(signature), digest)
    content: dict[str, Any] = json.loads(request.body)
    return content


def received(receiver: Receiver) -> list[tuple[str, dict[str, Any]]]:
    """The kinds of the messages that came, each with its data."""
    contents = map(verified, receiver.requests)
    return [(f"{each['entity']}.{each['action']}", each["data"]) for each in contents]


def add(registry: Registry, name: str, **fields: Any) -> None:
    registry.operations.models.add_model(name, recreate=True, first_policy=open_policy(), **fields)


def test_the_events_of_a_model_are_one_message_each(telling: Registry, receiver: Receiver) -> None:
    hooked(telling, receiver)
    add(telling, "churn", description="who leaves", tags={"team": "growth"})
    source = NewSource(source="s3://bucket/a", run_id="r1", description="first", tags={"k": "v"})
    telling.operations.sources.create("churn", source)
    telling.set_tag("churn/1", "stage_note", "ok")
    telling.delete_tag("churn/1", "stage_note")
    telling.set_tag("churn", "team", "risk")
    telling.operations.pointers.point("churn", "best", 1)
    telling.operations.pointers.unpoint("churn", "best")
    telling.operations.webhooks.deliver()
    about = {"name": "churn", "version": "1"}
    assert received(receiver) == [
        (
            "registered_model.created",
            {"name": "churn", "tags": {"team": "growth"}, "description": "who leaves"},
        ),
        (
            "model_version.created",
            {
                **about,
                "source": "s3://bucket/a",
                "run_id": "r1",
                "tags": {"k": "v"},
                "description": "first",
            },
        ),
        ("model_version_tag.set", {**about, "key": "stage_note", "value": "ok"}),
        ("model_version_tag.deleted", {**about, "key": "stage_note"}),
        ("model_version_alias.created", {"name": "churn", "alias": "best", "version": "1"}),
        ("model_version_alias.deleted", {"name": "churn", "alias": "best"}),
    ]
    ids = [request.headers["X-MLflow-Delivery-Id"] for request in receiver.requests]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {event.event_id for event in telling.events(limit=1000)}


def test_the_events_of_a_prompt_have_kinds_of_their_own(
    telling: Registry, receiver: Receiver
) -> None:
    hooked(telling, receiver)
    add(telling, "greeting", tags={**PROMPT, "team": "growth"})
    tags = {**PROMPT, "mlflow.prompt.text": "Hello {{x}}", "_mlflow_prompt_type": "text", "k": "v"}
    telling.operations.sources.reference("greeting", NewSource(source="prompt-template", tags=tags))
    telling.set_tag("greeting", "team", "risk")
    telling.delete_tag("greeting", "team")
    telling.set_tag("greeting/1", "k", "w")
    telling.delete_tag("greeting/1", "k")
    telling.set_alias("greeting", "best", 1)
    telling.delete_alias("greeting", "best")
    telling.operations.webhooks.deliver()
    about = {"name": "greeting", "version": "1"}
    assert received(receiver) == [
        ("prompt.created", {"name": "greeting", "tags": {"team": "growth"}, "description": ""}),
        (
            "prompt_version.created",
            {**about, "template": "Hello {{x}}", "tags": {"k": "v"}, "description": None},
        ),
        ("prompt_tag.set", {"name": "greeting", "key": "team", "value": "risk"}),
        ("prompt_tag.deleted", {"name": "greeting", "key": "team"}),
        ("prompt_version_tag.set", {**about, "key": "k", "value": "w"}),
        ("prompt_version_tag.deleted", {**about, "key": "k"}),
        ("prompt_alias.created", {"name": "greeting", "alias": "best", "version": "1"}),
        ("prompt_alias.deleted", {"name": "greeting", "alias": "best"}),
    ]


def test_tags_that_change_together_are_messages_of_their_own_and_each_arrives_once(
    telling: Registry, receiver: Receiver
) -> None:
    webhook_id = hooked(telling, receiver)
    add(telling, "churn")
    telling.operations.sources.create(
        "churn", NewSource(source="s3://bucket/a", tags={"a": "1", "b": "2", "same": "x"})
    )
    telling.operations.webhooks.deliver()
    receiver.requests.clear()
    telling.set_tag("churn/1", "c", "3")
    telling.update("churn/1", tags={"a": None, "b": "4", "same": "x", "d": "5"})
    receiver.status = 500
    telling.operations.webhooks.deliver()
    receiver.status = 200
    hurry(telling)
    telling.operations.webhooks.deliver()
    kinds = [(kind.partition(".")[2], data["key"]) for kind, data in received(receiver)]
    failed, *rest = kinds
    assert failed == rest[0] == ("set", "c")
    assert rest == [("set", "c"), ("deleted", "a"), ("set", "b"), ("set", "d")]
    ids = [request.headers["X-MLflow-Delivery-Id"] for request in receiver.requests]
    assert ids[0] == ids[1]
    assert len(set(ids)) == len(rest)
    newest = telling.deliveries(webhook_id)[0]
    assert (newest.state, len(newest.attempts)) == ("delivered", 3)
    receiver.requests.clear()
    telling.redeliver(webhook_id, newest.seq)
    telling.operations.webhooks.deliver()
    assert [request.headers["X-MLflow-Delivery-Id"] for request in receiver.requests] == ids[2:]


def test_only_wanted_kinds_are_queued_and_sent(telling: Registry, receiver: Receiver) -> None:
    kinds = (MlflowKind.VERSION_TAG_DELETED, MlflowKind.PROMPT_CREATED)
    webhook_id = hooked(telling, receiver, kinds)
    add(telling, "churn")
    add(telling, "greeting", tags=PROMPT)
    telling.operations.sources.create("churn", NewSource(source="s3://bucket/a", tags={"a": "1"}))
    telling.update("churn/1", tags={"a": None, "b": "2"})
    telling.set_tag("churn/1", "c", "3")
    telling.operations.webhooks.deliver()
    assert sorted(kind for kind, _ in received(receiver)) == [
        "model_version_tag.deleted",
        "prompt.created",
    ]
    assert len(telling.deliveries(webhook_id)) == 2


def test_what_is_not_wanted_any_longer_is_not_sent(telling: Registry, receiver: Receiver) -> None:
    webhook_id = hooked(telling, receiver, [MlflowKind.MODEL_CREATED])
    receiver.status = 500
    add(telling, "churn")
    telling.operations.webhooks.deliver()
    telling.operations.mlflow_webhooks.change(webhook_id, events=[MlflowKind.ALIAS_CREATED])
    hurry(telling)
    assert telling.operations.webhooks.deliver() == 0
    assert [each.state for each in telling.deliveries(webhook_id)] == ["delivered"]


def test_without_a_secret_messages_are_not_signed(telling: Registry, receiver: Receiver) -> None:
    webhook_id = hooked(telling, receiver, secret=None)
    add(telling, "first")
    telling.operations.webhooks.deliver()
    telling.operations.mlflow_webhooks.change(webhook_id, secret=SECRET)
    add(telling, "second")
    telling.operations.webhooks.deliver()
    telling.operations.mlflow_webhooks.change(webhook_id, secret=None)
    add(telling, "third")
    telling.operations.webhooks.deliver()
    signed = ["X-MLflow-Signature" in request.headers for request in receiver.requests]
    assert signed == [False, True, False]
    assert verified(receiver.requests[1])["data"]["name"] == "second"


def test_a_secret_is_stored_encrypted_and_rotated_without_the_former_one(
    telling: Registry, receiver: Receiver
) -> None:
    webhook_id = hooked(telling, receiver)
    rows = telling.database.fetch_all("SELECT secret, webhook::text AS row FROM pedigree.webhook")
    kept = str(rows) + "".join(each.model_dump_json() for each in telling.events(limit=1000))
    assert SECRET not in kept
    assert SecretBox(telling.settings).open(bytes(rows[0]["secret"])) == SECRET
    issued = telling.rotate_webhook_secret(webhook_id)
    assert issued.webhook.old_secret_until is None
    add(telling, "churn")
    telling.operations.webhooks.deliver()
    assert verified(receiver.requests[0], issued.secret)["data"]["name"] == "churn"
    types = [each.type for each in telling.events(limit=1000) if each.type.startswith("webhook")]
    assert types == ["webhook.created", "webhook.secret_rotated"]
    assert telling.fsck().violated == ()


def test_webhooks_of_our_form_are_unaffected_and_do_not_exist_for_clients_of_mlflow(
    telling: Registry, receiver: Receiver
) -> None:
    issued = telling.create_webhook(receiver.url, types=["model.created"])
    own = issued.webhook.webhook_id
    webhook_id = hooked(telling, receiver)
    add(telling, "churn")
    telling.operations.webhooks.deliver()
    mine = [each for each in receiver.requests if "webhook-id" in each.headers]
    assert [each.content(issued.secret)["type"] for each in mine] == ["model.created"]
    assert len(receiver.requests) == 2
    operations = telling.operations.mlflow_webhooks
    assert [each.webhook_id for each in operations.page(limit=10)] == [webhook_id]
    assert [each.form for each in telling.webhooks()] == [WebhookForm.PEDIGREE, WebhookForm.MLFLOW]
    for verb in (operations.find, operations.remove, operations.change, operations.test):
        with pytest.raises(WebhookNotFoundError):
            verb(own)
    with pytest.raises(InvalidInputError, match="events of MLflow instead"):
        telling.update_webhook(webhook_id, types=["version.*"])
    assert telling.update_webhook(webhook_id, models=["churn*"]).models == ("churn*",)
    add(telling, "fraud")
    telling.operations.webhooks.deliver()
    assert len(receiver.requests) == 3  # one of our form


def test_a_test_sends_an_example_of_each_kind(telling: Registry, receiver: Receiver) -> None:
    webhook_id = hooked(telling, receiver, [MlflowKind.ALIAS_CREATED])
    operations = telling.operations.mlflow_webhooks
    assert operations.test(webhook_id).succeeded
    assert telling.test_webhook(webhook_id).succeeded
    for kind in MlflowKind:
        operations.test(webhook_id, kind)
    kinds = [kind for kind, _ in received(receiver)]
    assert kinds == [MlflowKind.ALIAS_CREATED] * 2 + list(MlflowKind)
    assert telling.deliveries(webhook_id) == ()


def test_nothing_is_sent_to_an_address_that_is_not_public(
    registry: Registry, receiver: Receiver
) -> None:
    guarded = with_secret_key(registry, webhook_networks=(ip_network("10.0.0.0/8"),))
    webhook_id = hooked(guarded, receiver)
    assert guarded.operations.mlflow_webhooks.test(webhook_id).error is not None
    add(guarded, "churn")
    guarded.operations.webhooks.deliver()
    (delivery,) = guarded.deliveries(webhook_id)
    assert delivery.attempts[0].error == "the address 127.0.0.1 is not public"
    assert receiver.requests == []


def test_without_a_key_no_webhook_is_stored(registry: Registry, receiver: Receiver) -> None:
    to_here = {"webhook_networks": LOOPBACK}
    with pytest.raises(SecretKeyError, match="PEDIGREE_SECRET_KEY"):
        hooked(with_secret_key(registry, secret_key=None, **to_here), receiver, secret=None)
    assert registry.webhooks() == ()
