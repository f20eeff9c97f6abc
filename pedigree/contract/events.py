"""The feed of events."""

from collections.abc import Collection
from typing import Protocol

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event


class EventContract(Protocol):
    """The feed of events."""

    def events(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        types: Collection[EventType] | None = None,
        model: str | None = None,
    ) -> tuple[Event, ...]:
        """Return the feed's events after a ``seq``, the oldest first.

        Continue with the ``seq`` of the last event: no event is lost, hidden or reordered.

        Args:
            after: Only events after this ``seq``.
            limit: How many at most.
            types: Only events of these types.
            model: Only events of the model of this name, also of a deleted model.
        """
