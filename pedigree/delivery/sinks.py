"""Sinks: receivers of every event, such as Kafka; any distribution can add a kind of sink.

A kind is a callable under the entry point group ``pedigree.sinks``. Its name is the scheme of the
URLs that it opens, and its argument is such a URL. Its module must not import its libraries at the
top.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from pedigree.audit.records import Event
from pedigree.errors import InvalidInputError
from pedigree.settings import redact_url

GROUP = "pedigree.sinks"


class Sink(Protocol):
    """Receives events, in order."""

    def send(self, events: Sequence[Event]) -> None:
        """Send events, and return once all of them are acknowledged.

        Raises:
            SinkUnavailableError: Some are not acknowledged; all of them are sent again.
        """

    def close(self) -> None:
        """Release the sink's resources."""


def open_sink(url: str) -> Sink:
    """Return the sink that a URL names; nothing is connected yet.

    Raises:
        InvalidInputError: No installed kind of sink has the URL's scheme, or it refuses the URL.
        MissingDependencyError: The library that it needs is not installed.
    """
    plugin = _installed().get(urlsplit(url).scheme)
    if plugin is None:
        raise InvalidInputError(
            "no installed kind of sink has this scheme",
            field="PEDIGREE_SINKS",
            value=redact_url(url),
            remedy=f"Use one of: {', '.join(sorted(_installed()))}",
        )
    return cast("Sink", plugin.load()(url))


def sink_name(url: str) -> str:
    """Return the name of a sink: its URL without user, password and options.

    >>> sink_name("kafka://ann:secret@a:9092,b:9092/pedigree?sasl.password=x")
    'kafka://a:9092,b:9092/pedigree'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def cloud_event(event: Event) -> dict[str, JsonValue]:
    """Return an event as a CloudEvent 1.0 (https://cloudevents.io), for its JSON format."""
    data = event.model_dump(mode="json")
    return {
        "specversion": "1.0",
        "id": data.pop("event_id"),
        "source": "pedigree",
        "type": f"pedigree.{data.pop('type')}",
        "subject": event.subject,
        "time": data.pop("at"),
        "datacontenttype": "application/json",
        # An extension of the standard; as text of equal length, it sorts correctly.
        "sequence": f"{event.seq:020}",
        "data": data,
    }


@cache
def _installed() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=GROUP)}
