"""The feed of events."""

from collections.abc import Collection
from typing import Protocol

from pedigree.audit.records import Event, EventType


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
        """Return the feed's events behind a place, oldest first.

        Read on from the last one's ``seq``: nothing is lost, hidden or reordered.

        Args:
            after: The ``seq`` behind which they lie.
            limit: How many at most.
            types: Only of these types.
            model: Only of the model of this name, also of one that was deleted.
        """
