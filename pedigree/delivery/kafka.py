"""Kafka as a sink: ``kafka://broker:9092,other:9092/pedigree?security.protocol=SASL_SSL&…``.

The path is the topic; with ``{model}`` in it, as in ``/pedigree.{model}``, each model has its own.
The query has settings of librdkafka. The key is the model, so the events of a model are in one
partition, in order. Needs the extra ``kafka``.
"""

import logging
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic_core import to_json

from pedigree.audit.records import Event
from pedigree.delivery.sinks import cloud_event, sink_name
from pedigree.errors import InvalidInputError, SinkUnavailableError
from pedigree.libraries import library

_LOG = logging.getLogger(__name__)

# The allowed characters of a topic's name, and its maximum length.
_NOT_IN_TOPICS = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_TOPIC = 249
# Acknowledged by every in-sync replica, once, in the order of sending.
_OWN = {
    "acks": "all",
    "enable.idempotence": "true",
    # The partitioner of the Java clients, so that their consumers find a key in the same partition.
    "partitioner": "murmur2_random",
    "message.timeout.ms": "20000",
    "client.id": "pedigree",
}
_PATIENCE_S = 25.0
_HEADERS = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


class KafkaSink:
    """Sends events to Kafka.

    Args:
        url: Brokers, topic and settings.

    Raises:
        InvalidInputError: The URL names no topic, or has a setting that librdkafka does not know.
        MissingDependencyError: confluent-kafka is not installed.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._topic = unquote(parts.path.removeprefix("/"))
        self._name = sink_name(url)
        if not _is_topic(self._topic.replace("{model}", "model")):
            raise InvalidInputError(
                "names no Kafka topic",
                field="PEDIGREE_SINKS",
                value=self._name,
                remedy="Write it as kafka://broker:9092/pedigree or …/pedigree.{model}",
            )
        given = dict(parse_qsl(parts.query))
        brokers = {"bootstrap.servers": parts.netloc.rpartition("@")[2]}
        core: Any = library("confluent_kafka", extra="kafka")
        try:
            self._producer: Any = core.Producer({**_OWN, **given, **brokers}, logger=_LOG)
        except core.KafkaException as error:
            raise InvalidInputError(
                f"librdkafka refuses its settings: {error.args[0].str()}",
                field="PEDIGREE_SINKS",
                value=self._name,
                remedy="See librdkafka's CONFIGURATION.md",
            ) from error

    def send(self, events: Sequence[Event]) -> None:
        """Send events, and return once all of them are acknowledged.

        Raises:
            SinkUnavailableError: Some are not acknowledged; all of them are sent again.
        """
        failed: list[str] = []

        def acknowledged(error: Any, _: object) -> None:
            if error is not None:
                failed.append(str(error.str()))

        for event in events:
            self._producer.produce(
                self._topic_of(event),
                key=(event.model or "").encode(),
                value=to_json(cloud_event(event)),
                headers=_HEADERS,
                on_delivery=acknowledged,
            )
        left = self._producer.flush(_PATIENCE_S)
        if left or failed:
            self._producer.purge()
            reason = failed[0] if failed else "no answer in time"
            raise SinkUnavailableError(
                f"{self._name} refused {left + len(failed)} of {len(events)} events: {reason}",
                remedy="Check whether its brokers run; the events are sent again",
            )

    def close(self) -> None:
        """Close the producer."""
        self._producer.flush(0)

    def _topic_of(self, event: Event) -> str:
        return self._topic.replace("{model}", topic_word(event.model or "registry"))


def topic_word(model: str) -> str:
    """Return a model's name as part of a topic's name; other characters add a hash.

    >>> topic_word("customer_churn")
    'customer_churn'
    >>> topic_word("Größe")
    'Gr__e-aedc3f80'
    """
    word = _NOT_IN_TOPICS.sub("_", model)[: _LONGEST_TOPIC // 2]
    return word if word == model else f"{word}-{sha256(model.encode()).hexdigest()[:8]}"


def _is_topic(name: str) -> bool:
    fits = 0 < len(name) <= _LONGEST_TOPIC // 2 and name not in (".", "..")
    return fits and _NOT_IN_TOPICS.search(name) is None
