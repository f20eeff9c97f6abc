"""One bad webhook, delivery, sink or card: the others go on, and the bad one is reported."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.cards.drawing import WantedCard
from pedigree.cards.follower import CardFollower
from pedigree.cards.writer import CardWriter
from pedigree.dagster import deliver
from pedigree.delivery import outbox, sinks
from pedigree.failures.store import failures
from pedigree.registry import Registry
from tests.delivery.conftest import hurry
from tests.factories import make_failures_due, register, with_secret_key
from tests.receiving import Receiver


def failing(registry: Registry) -> set[tuple[str, str]]:
    found = registry.database.read(lambda transaction: failures(transaction, limit=100))
    return {(failure.work, failure.member) for failure in found}


def execute(registry: Registry, statement: Any, **values: object) -> None:
    registry.database.transaction(lambda transaction: transaction.execute(statement, values))


@pytest.fixture
def hooks(telling: Registry, receiver: Receiver) -> tuple[int, int]:
    """A bad webhook, which was created first, and a sound one."""
    bad = telling.create_webhook(receiver.url, types=["model.*"])
    sound = telling.create_webhook(receiver.url, types=["model.*"])
    return bad.webhook.webhook_id, sound.webhook.webhook_id


def test_a_url_that_the_resolver_cannot_encode_is_a_failed_attempt(
    telling: Registry, hooks: tuple[int, int]
) -> None:
    bad, sound = hooks
    execute(
        telling,
        "UPDATE pedigree.webhook SET url = %(url)s WHERE webhook_id = %(id)s",
        url=f"https://{'a' * 64}.example/hook",
        id=bad,
    )
    telling.create_model("churn")
    assert telling.operations.webhooks.deliver() == 2
    assert [each.state for each in telling.deliveries(sound)] == ["delivered"]
    (delivery,) = telling.deliveries(bad)
    assert delivery.state == "pending"
    assert "UnicodeError" in str(delivery.attempts[0].error)
    assert failing(telling) == set()  # a receiver may restart
    for _ in range(2):
        hurry(telling)
        telling.operations.webhooks.deliver()
    assert failing(telling) == {("webhooks", f"webhook {bad}")}
    events = telling.events(types=[EventType.MEMBER_FAILED])
    assert [event.subject for event in events] == [f"webhook {bad}"]
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance)
        assert f"webhook {bad}: UnicodeError" in str(deliver(context, telling).skip_reason)


def test_a_webhook_whose_row_cannot_be_read_stops_no_queue(
    telling: Registry, hooks: tuple[int, int]
) -> None:
    bad, sound = hooks
    execute(
        telling,
        "UPDATE pedigree.webhook SET created_at = 'infinity' WHERE webhook_id = %(id)s",
        id=bad,
    )
    telling.create_model("churn")
    telling.operations.webhooks.deliver()
    assert [each.state for each in telling.deliveries(sound)] == ["delivered"]
    assert failing(telling) == {("webhook queues", f"webhook {bad}")}


def test_a_delivery_that_cannot_be_read_stops_no_other(
    telling: Registry, hooks: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, sound = hooks
    read = outbox.first_delivery

    def but_not_bad(transaction: Any, line: outbox.LeasedLine) -> object:
        if line.webhook_id == bad:
            raise ValueError("poison")
        return read(transaction, line)

    telling.create_model("churn")
    monkeypatch.setattr(outbox, "first_delivery", but_not_bad)
    assert telling.operations.webhooks.deliver() == 1
    assert [each.state for each in telling.deliveries(sound)] == ["delivered"]
    assert failing(telling) == {("webhooks", f"webhook {bad}, events of churn")}
    monkeypatch.undo()
    hurry(telling)
    telling.operations.webhooks.deliver()
    assert [each.state for each in telling.deliveries(bad)] == ["delivered"]
    assert failing(telling) == set()


class PlainSink:
    """Notes what it gets; a URL with the word bad cannot be opened, one with ill not be fed."""

    taken: list[int]

    def __init__(self, url: str) -> None:
        if "bad" in url:
            raise ImportError("its library is broken")
        self._is_ill = "ill" in url

    def send(self, events: Sequence[Event]) -> None:
        if self._is_ill:
            raise TypeError("a bug of the plug-in")
        self.taken += [event.seq for event in events]

    def close(self) -> None: ...


def test_a_sink_that_cannot_be_opened_or_fed_stops_no_other(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed(EntryPoint):
        def load(self) -> Any:
            return PlainSink

    PlainSink.taken = []
    known = {"plain": Installed("plain", "x:y", sinks.GROUP)}
    monkeypatch.setattr(sinks, "_installed", lambda: known)
    urls = ("nowhere://x", "plain://bad", "plain://ill", "plain://sound")
    telling = with_secret_key(registry, sinks=urls)
    telling.create_model("churn")
    telling.operations.webhooks.feed_sinks()
    assert PlainSink.taken[:1] == [1]
    assert failing(telling) == {("sinks", url) for url in urls[:-1]}
    count = len(PlainSink.taken)
    telling.create_model("other")
    assert telling.operations.webhooks.feed_sinks() == 1
    assert len(PlainSink.taken) == count + 1


def test_a_card_that_cannot_be_drawn_stops_no_other(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "churn"):
        register(registry, tmp_path, name=name)
    follow = CardWriter.follow

    def but_not_bad(self: CardWriter, wanted: Sequence[WantedCard]) -> int:
        if any(each.name == "bad" for each in wanted):
            raise KeyError("poison")
        return follow(self, wanted)

    monkeypatch.setattr(CardWriter, "follow", but_not_bad)
    follower = CardFollower(registry.database, registry.store)
    assert follower.follow() >= 1
    assert failing(registry) == {("cards", "bad/1")}
    assert follower.follow() == 0  # its own event changes no card
    monkeypatch.undo()
    assert registry.card("bad/1").markdown
    make_failures_due(registry)
    registry.update("bad/1", description="better")
    follower.follow()
    assert failing(registry) == set()
