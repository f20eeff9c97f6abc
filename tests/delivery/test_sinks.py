"""Every event goes to every sink, in the feed's order; Kafka is librdkafka's own mock cluster."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from pedigree.audit.records import Event
from pedigree.dagster import deliver
from pedigree.delivery import sinks
from pedigree.delivery.sinks import open_sink
from pedigree.errors import InvalidInputError, SinkUnavailableError
from pedigree.registry import Registry
from tests.factories import make_failures_due, with_secret_key

SINKS_MD = Path(__file__).parents[2] / "docs" / "sinks.md"


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """The address of a cluster of three brokers, which lives as long as its client."""
    cluster = Producer({"test.mock.num.brokers": 3})
    metadata = cluster.list_topics(timeout=30)
    yield ",".join(f"{each.host}:{each.port}" for each in metadata.brokers.values())
    cluster.flush()


def consumed(brokers: str, topics: list[str], count: int) -> list[Any]:
    """The messages in topics, as soon as there are enough of them."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "tests"})
    known = consumer.list_topics(timeout=30).topics
    consumer.assign(
        [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic in topics
            for partition in known[topic].partitions
        ]
    )
    found = []
    while len(found) < count:
        message = consumer.poll(30)
        assert message is not None, f"{len(found)} of {count} came"
        assert message.error() is None, message.error()
        found.append(message)
    consumer.close()
    return found


def feeding(registry: Registry, url: str) -> Registry:
    return with_secret_key(registry, sinks=(url,))


def test_kafka_gets_each_event_as_a_cloud_event_in_the_order_of_its_model(
    registry: Registry, brokers: str
) -> None:
    registry.create_model("before")
    telling = feeding(registry, f"kafka://{brokers}/all")
    for name in ("churn", "Größe"):
        telling.create_model(name)
        for text in ("a", "b", "c"):
            telling.update_model(name, description=text)
    events_sent = telling.events()
    assert telling.operations.webhooks.feed_sinks() == len(events_sent) == 9
    assert telling.operations.webhooks.feed_sinks() == 0
    found = consumed(brokers, ["all"], len(events_sent))
    events = {json.loads(message.value())["id"]: message for message in found}
    assert set(events) == {event.event_id for event in events_sent}
    for name in ("churn", "Größe"):
        mine = [m for m in found if m.key() == name.encode()]
        assert len({m.partition() for m in mine}) == 1
        assert [int(json.loads(m.value())["sequence"]) for m in mine] == [
            event.seq for event in events_sent if event.model == name
        ]
    first = events[events_sent[0].event_id]
    assert dict(first.headers())["content-type"].startswith(b"application/cloudevents+json")
    said = json.loads(first.value())
    assert {name: said[name] for name in ("specversion", "source", "type", "subject")} == {
        "specversion": "1.0",
        "source": "pedigree",
        "type": "pedigree.model.created",
        "subject": "before",
    }
    assert said["data"]["actor"]["name"] == "tester"


def test_each_model_may_have_a_topic_of_its_own(registry: Registry, brokers: str) -> None:
    telling = feeding(registry, f"kafka://{brokers}/own.{{model}}")
    for name in ("churn", "Größe", "Grö_e"):
        telling.create_model(name)
    telling.operations.webhooks.feed_sinks()
    topics = ["own.churn", "own.Gr__e-aedc3f80"]
    found = consumed(brokers, topics, 2)
    assert {m.topic(): m.key().decode() for m in found} == dict(
        zip(topics, ("churn", "Größe"), strict=True)
    )


def test_events_that_a_sink_refused_are_sent_again(
    registry: Registry, brokers: str, kind_of_sink: Callable[[Any], None]
) -> None:
    taken: list[int] = []

    class Failing:
        """Takes what it gets, and does not say so the first time."""

        fails = True

        def __init__(self, url: str) -> None: ...

        def send(self, events: Sequence[Event]) -> None:
            taken.extend(event.seq for event in events)
            if Failing.fails:
                raise SinkUnavailableError("it is away")

        def close(self) -> None: ...

    kind_of_sink(Failing)
    telling = feeding(registry, "failing://here")
    telling.create_model("churn")
    telling.create_model("fraud")
    assert telling.operations.webhooks.feed_sinks() == 0
    Failing.fails = False
    make_failures_due(telling)
    # and the events of the failure and of its end
    assert telling.operations.webhooks.feed_sinks() == 4
    assert taken == [1, 2, 1, 2, 3, 4]


def test_the_sink_of_the_documents_takes_every_event_of_a_distribution_that_brings_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SINKS_MD.read_text(encoding="utf-8")
    code = re.search(r"```python\n([^`]*class LinesSink.*?)```", text, re.DOTALL)
    points = re.search(r"```toml\n\[project\.entry-points\.(.*?)```", text, re.DOTALL)
    assert code
    assert points
    # installed as pip would: the module, and what the distribution says of itself
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "sink.py").write_text(code[1], encoding="utf-8")
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[" + points[1].replace('"', ""))
    monkeypatch.syspath_prepend(str(tmp_path))
    sinks._installed.cache_clear()
    try:
        telling = feeding(registry, f"lines://{tmp_path}/events.jsonl")
        telling.create_model("churn")
        assert telling.operations.webhooks.feed_sinks() == 1
    finally:
        sinks._installed.cache_clear()
    (events_sent,) = map(json.loads, (tmp_path / "events.jsonl").read_text().splitlines())
    assert (events_sent["type"], events_sent["subject"]) == ("pedigree.model.created", "churn")


def test_one_process_at_a_time_feeds_a_sink(
    registry: Registry, kind_of_sink: Callable[[Any], None]
) -> None:
    telling = feeding(registry, "failing://here")
    telling.create_model("churn")

    class Slow:
        """While it takes an event, another process comes along."""

        def __init__(self, url: str) -> None: ...

        def send(self, events: Sequence[Event]) -> None:
            assert telling.operations.webhooks.feed_sinks() == 0

        def close(self) -> None: ...

    kind_of_sink(Slow)
    assert telling.operations.webhooks.feed_sinks() == 1


@pytest.fixture
def kind_of_sink(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Install a kind of sink, as another distribution would."""

    def install(kind: Any) -> None:
        class Installed(EntryPoint):
            def load(self) -> Any:
                return kind

        known = {"failing": Installed("failing", "x:y", sinks.GROUP)}
        monkeypatch.setattr(sinks, "_installed", lambda: known)

    return install


def test_the_delivery_sensor_feeds_sinks(registry: Registry, brokers: str) -> None:
    telling = feeding(registry, f"kafka://{brokers}/sensed")
    telling.create_model("churn")
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance)
        assert "1 events sent" in str(deliver(context, telling).skip_reason)
    assert len(consumed(brokers, ["sensed"], 1)) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("pubsub://x", "Use one of: kafka"),
        ("kafka://b:9092", "names no Kafka topic"),
        ("kafka://b:9092/a b", "names no Kafka topic"),
        ("kafka://b:9092/t?no.such=1", "No such configuration property"),
    ],
)
def test_a_url_that_is_not_a_sink_is_refused_at_opening(url: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        open_sink(url)


def test_an_unavailable_broker_is_reported_without_secrets() -> None:
    options = "sasl.password=hidden&message.timeout.ms=100"
    sink = open_sink(f"kafka://ann:hidden@127.0.0.1:1/t?{options}")
    with pytest.raises(SinkUnavailableError, match=r"kafka://127.0.0.1:1/t refused") as away:
        sink.send([EVENT])
    assert "hidden" not in str(away.value)


EVENT = Event.model_validate(
    {
        "seq": 1,
        "event_id": "e",
        "type": "model.created",
        "model": "churn",
        "at": "2026-03-01T12:00:00Z",
        "actor": {"name": "ann", "source": "test"},
        "body": {},
    }
)
