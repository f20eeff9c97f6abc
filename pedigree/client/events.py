"""The feed of events."""

from collections.abc import Collection

from pedigree._record import PAGE
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.client.service import Page, ServiceGroup
from pedigree.contract import paths
from pedigree.contract.events import EventContract


class RemoteEvents(ServiceGroup, EventContract):
    """The feed of events."""

    def events(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        types: Collection[EventType] | None = None,
        model: str | None = None,
    ) -> tuple[Event, ...]:
        kinds = None if types is None else list(types)
        found: tuple[Event, ...] = ()
        while True:
            wanted = min(limit - len(found), PAGE)
            query = {"type": kinds, "model": model, "limit": wanted}
            page = self._service.read(Page[Event], paths.EVENTS, after=after, **query)
            found += page.items
            if len(page.items) < wanted or len(found) >= limit:
                return found
            after = page.items[-1].seq
