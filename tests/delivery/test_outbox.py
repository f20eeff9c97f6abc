"""Each event reaches each webhook at least once, in the order of its model."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import dagster as dg
import pytest

from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.dagster import deliver
from pedigree.delivery import outbox
from pedigree.delivery.background_thread import BackgroundThread
from pedigree.delivery.backoff import WAITS, retry_after, wait_after
from pedigree.delivery.outbox import Leased
from pedigree.delivery.payloads import MOST_BYTES
from pedigree.delivery.records import Attempt, DeliveryState
from pedigree.delivery.webhook_worker import WebhookWorker
from pedigree.errors import DeliveryNotFoundError
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from tests.delivery.conftest import hurry
from tests.factories import with_secret_key
from tests.receiving import Receiver


def hooked(registry: Registry, receiver: Receiver, *types: str) -> int:
    return registry.create_webhook(receiver.url, types=types or ["model.*"]).webhook.webhook_id


def test_a_failing_event_holds_back_those_of_its_model_alone(
    telling: Registry, receiver: Receiver
) -> None:
    webhook_id = hooked(telling, receiver)
    receiver.failing = "bad"
    for name in ("bad", "good"):
        telling.create_model(name)
        telling.update_model(name, description="x")
    telling.operations.webhooks.deliver()
    assert Counter(request.model for request in receiver.requests) == {"bad": 1, "good": 2}
    states = [each.state for each in telling.deliveries(webhook_id)]
    assert sorted(states) == ["delivered", "delivered", "pending", "pending"]
    receiver.failing = ""
    hurry(telling)
    telling.operations.webhooks.deliver()
    sent = [r for r in receiver.requests if r.model == "bad"]
    assert [json.loads(r.body)["type"] for r in sent] == [
        "model.created",
        "model.created",
        "model.updated",
    ]
    assert sent[0].headers["webhook-id"] == sent[1].headers["webhook-id"]
    assert sent[0].body == sent[1].body


def test_a_failing_event_holds_back_those_that_follow_a_rename(
    telling: Registry, receiver: Receiver
) -> None:
    webhook_id = hooked(telling, receiver)
    receiver.failing = "bad"
    telling.operations.models.create_model("bad", recreate=True)
    telling.rename_model("bad", "good")
    telling.update_model("good", description="x")
    telling.operations.webhooks.deliver()
    assert [request.model for request in receiver.requests] == ["bad"]
    assert {each.model for each in telling.deliveries(webhook_id)} == {"good"}
    receiver.failing = ""
    hurry(telling)
    telling.operations.webhooks.deliver()
    assert [json.loads(request.body)["type"] for request in receiver.requests[1:]] == [
        "model.created",
        "model.renamed",
        "model.updated",
    ]


def test_a_failure_is_retried_by_the_standard_schedule_and_then_is_dead(
    telling: Registry, receiver: Receiver
) -> None:
    webhook_id = hooked(telling, receiver)
    receiver.status = 503
    telling.create_model("churn")
    telling.update_model("churn", description="x")
    waits = []
    for _ in range(len(WAITS)):
        telling.operations.webhooks.deliver()
        first = telling.deliveries(webhook_id)[-1]
        assert first.due_at is not None
        waits.append(first.due_at - first.attempts[-1].at)
        hurry(telling)
    late = [wait / wanted for wait, wanted in zip(waits, WAITS, strict=True)][1:]
    assert min(late) >= 1
    assert max(late) < 1.15
    assert len(set(late)) == len(late)
    assert sum(WAITS, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)
    telling.operations.webhooks.deliver()
    second, first = telling.deliveries(webhook_id)
    assert (first.state, first.failures, len(first.attempts)) == ("dead", 10, 10)
    assert {(each.status, each.error) for each in first.attempts} == {(503, None)}
    # Later ones continue.
    assert (second.state, second.failures) == ("pending", 1)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_of_a_receiver_is_respected(
    telling: Registry, receiver: Receiver, status: int
) -> None:
    webhook_id = hooked(telling, receiver)
    receiver.status, receiver.headers = status, {"Retry-After": "3600"}
    telling.create_model("churn")
    telling.operations.webhooks.deliver()
    (asked,) = telling.deliveries(webhook_id)
    assert asked.due_at is not None
    assert timedelta(hours=1) <= asked.due_at - asked.attempts[0].at < timedelta(hours=1, minutes=1)
    receiver.status, receiver.headers = 500, {"Retry-After": "3600"}
    hurry(telling)
    telling.operations.webhooks.deliver()
    (failed,) = telling.deliveries(webhook_id)
    assert failed.due_at is not None
    assert failed.due_at - failed.attempts[1].at < timedelta(minutes=6)


def test_retry_after_is_in_seconds_or_a_date_and_limited_to_a_day() -> None:
    assert retry_after("90") == 90
    assert retry_after(format_datetime(datetime.now(UTC) + timedelta(hours=1))) > 3590
    assert [retry_after(said) for said in ("", "soon", "-5", "²", "Thu, 01 Jan 1970 00:00:00")] == [
        0.0
    ] * 5
    assert wait_after(1, asked=1e300) == timedelta(days=1)
    late = wait_after(len(WAITS), asked=5.0)
    assert late is not None
    assert WAITS[-1] <= late <= WAITS[-1] * 1.1
    assert wait_after(len(WAITS) + 1, asked=5.0) is None


def test_an_event_that_is_too_large_is_sent_without_its_body(
    telling: Registry, receiver: Receiver
) -> None:
    issued = telling.create_webhook(receiver.url, types=["model.updated"])
    telling.create_model("churn", description="x" * (MOST_BYTES - 1000))
    telling.update_model("churn", description="y" * MOST_BYTES)
    telling.operations.webhooks.deliver()
    full, thin = (request.content(issued.secret)["data"] for request in receiver.requests)
    assert full["body"]["description"][0] == "x"
    assert (thin["body"], thin["model"]) == (None, "churn")
    assert len(receiver.requests[1].body) < 1000
    (event,) = telling.events(thin["seq"] - 1, 1)
    assert event.body["description"] == "y" * MOST_BYTES


def test_a_dead_delivery_restarts_on_request(telling: Registry, receiver: Receiver) -> None:
    webhook_id = hooked(telling, receiver)
    receiver.status = 500
    telling.create_model("churn")
    for _ in range(len(WAITS) + 1):
        telling.operations.webhooks.deliver()
        hurry(telling)
    (dead,) = telling.deliveries(webhook_id, state=DeliveryState.DEAD)
    receiver.status = 204
    again = telling.redeliver(webhook_id, dead.seq)
    assert (again.state, again.failures) == ("pending", 0)
    telling.operations.webhooks.deliver()
    (done,) = telling.deliveries(webhook_id)
    assert (done.state, len(done.attempts)) == ("delivered", 11)
    assert {r.headers["webhook-id"] for r in receiver.requests} == {dead.event_id}
    with pytest.raises(DeliveryNotFoundError, match="webhook deliveries"):
        telling.redeliver(webhook_id, 10**6)


def test_redelivery_does_not_wait_for_the_next_try(telling: Registry, receiver: Receiver) -> None:
    webhook_id = hooked(telling, receiver)
    receiver.status = 500
    telling.create_model("churn")
    telling.operations.webhooks.deliver()
    receiver.status = 200
    assert telling.operations.webhooks.deliver() == 0
    telling.redeliver(webhook_id, telling.deliveries(webhook_id)[0].seq)
    assert telling.operations.webhooks.deliver() == 1


def test_a_leased_delivery_has_one_worker_until_the_lease_expires(
    telling: Registry, receiver: Receiver
) -> None:
    hooked(telling, receiver)
    telling.create_model("churn")
    telling.update_model("churn", description="x")
    first = queue_and_lease(telling)
    # Neither this one nor the next one, until this one is settled.
    assert lease(telling) is None
    hurry(telling)  # its worker was killed
    again = lease(telling)
    assert again is not None
    assert again.event == first.event
    # The first one was only slow. What it did is logged, and changes nothing.
    attempt = Attempt(at=first.at, duration_ms=1, status=500)
    telling.database.transaction(partial(outbox.settle, leased=first, attempt=attempt))
    assert lease(telling) is None
    attempt = Attempt(at=again.at, duration_ms=1, status=200)
    for _ in range(2):  # also when its transaction is repeated
        telling.database.transaction(partial(outbox.settle, leased=again, attempt=attempt))
    behind = lease(telling)
    assert behind is not None
    assert behind.event.type == "model.updated"
    done = telling.deliveries(first.webhook_id)[-1]
    assert (done.state, [each.status for each in done.attempts]) == ("delivered", [500, 200])


def lease(registry: Registry) -> Leased | None:
    line = registry.database.transaction(partial(outbox.lease, length=timedelta(hours=1)))
    if line is None:
        return None
    return registry.database.transaction(partial(outbox.first_delivery, line=line))


def queue_and_lease(registry: Registry) -> Leased:
    log.sequence(registry.database)
    for webhook_id in registry.database.read(outbox.webhooks_behind):
        registry.database.transaction(partial(outbox.enqueue, webhook_id=webhook_id))
    leased = lease(registry)
    assert leased is not None
    return leased


def test_parallel_workers_send_nothing_twice(
    telling: Registry, receiver: Receiver, database_url: str
) -> None:
    hooked(telling, receiver)
    for number in range(8):
        telling.create_model(f"m{number}")
        for text in ("a", "b", "c"):
            telling.update_model(f"m{number}", description=text)
    count = len(telling.events(types=[EventType.MODEL_CREATED, EventType.MODEL_UPDATED]))
    with (
        Database.connect(database_url) as other,
        BackgroundThread(WebhookWorker(other, telling.settings)),
        BackgroundThread(WebhookWorker(telling.database, telling.settings)),
    ):
        while len(telling.deliveries(1, limit=100, state=DeliveryState.DELIVERED)) < count:
            deliver(dg.build_sensor_context(), telling)  # the sensor is one more of them
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == len(set(ids)) == count
    for number in range(8):
        sent = [json.loads(r.body) for r in receiver.requests if r.model == f"m{number}"]
        assert [each["data"]["seq"] for each in sent] == sorted(
            each["data"]["seq"] for each in sent
        )


def test_a_receiver_that_is_gone_gets_no_more_events(telling: Registry, receiver: Receiver) -> None:
    webhook_id = hooked(telling, receiver)
    receiver.status = 410
    telling.create_model("churn")
    telling.operations.webhooks.deliver()
    assert not telling.webhook(webhook_id).active
    sent = telling.events(types=[EventType.WEBHOOK_UPDATED])
    assert [(event.actor.name, event.actor.source) for event in sent] == [("pedigree", "delivery")]


def test_deliveries_come_in_pages_and_are_removed_in_time(
    telling: Registry, receiver: Receiver
) -> None:
    webhook_id = hooked(telling, receiver)
    for name in ("a", "b", "c"):
        telling.create_model(name)
    telling.operations.webhooks.deliver()
    first = telling.deliveries(webhook_id, limit=2)
    rest = telling.deliveries(webhook_id, limit=2, before=first[-1].seq)
    assert [each.model for each in (*first, *rest)] == ["c", "b", "a"]
    with_secret_key(telling, webhook_log=timedelta(0)).operations.webhooks.deliver()
    assert telling.deliveries(webhook_id) == ()


def test_the_delivery_sensor_delivers(
    telling: Registry, receiver: Receiver, registry: Registry
) -> None:
    hooked(telling, receiver)
    telling.create_model("churn")
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance)
        assert "is not set" in str(deliver(context, registry).skip_reason)
        assert "1 webhook delivery attempts" in str(deliver(context, telling).skip_reason)
    assert receiver.kinds() == ["model.created"]
