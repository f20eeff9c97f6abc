"""Event streams: one query of the feed for all waiting clients, and server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import NamedTuple

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from pedigree.audit.event_types import EventType
from pedigree.audit.log import feed_head
from pedigree.audit.records import Event
from pedigree.errors import PedigreeError
from pedigree.registry import Registry
from pedigree.server.http.auth import Caller
from pedigree.server.http.fair_use import FairUse
from pedigree.server.http.stream_places import StreamPlaces

MEDIA_TYPE = "text/event-stream"

_PAUSE_S = 0.5
_PAGE = 1000
_MOST_STREAMS = 200
# A comment is sent this often, so that no proxy takes the connection for dead.
SILENCE_S = 15.0
# Then a stream ends and its client continues at another process, by Last-Event-ID; so no stream
# delays the replacement of a process for long.
LASTS_S = 300.0


class Wanted(NamedTuple):
    """A filter of events; None matches all."""

    types: Collection[EventType] | None
    model: str | None
    may_read: Callable[[str | None], bool]

    def has(self, event: Event) -> bool:
        """Return whether an event matches."""
        of_type = self.types is None or event.type in self.types
        return of_type and self.model in (None, event.model) and self.may_read(event.model)


class EventStream:
    """The head of the feed, which is queried while clients wait for more of it."""

    def __init__(self, registry: Registry, fair_use: FairUse) -> None:
        self._registry = registry
        self._places = StreamPlaces(fair_use, _MOST_STREAMS)
        self._looking = asyncio.Lock()
        self._head = 0
        self._looked_at = -_PAUSE_S
        self._ended = False

    def end(self) -> None:
        """End every stream; its client continues at another process."""
        self._ended = True

    async def beyond(self, seq: int) -> bool:
        """Wait until the feed has events after ``seq``; return False after some seconds without."""
        deadline = time.monotonic() + SILENCE_S
        while self._head <= seq and time.monotonic() < deadline and not self._ended:
            wait = await self._look()
            if self._head <= seq:
                await asyncio.sleep(max(wait, _PAUSE_S))
        return self._head > seq

    async def head(self) -> int:
        """Return the newest place of the feed, as of half a second ago at most."""
        await self._look()
        return self._head

    async def _look(self) -> float:
        """Read the head unless somebody just did; return how long that is still recent."""
        async with self._looking:
            wait = self._looked_at + _PAUSE_S - time.monotonic()
            if wait <= 0:
                self._head = await run_in_threadpool(feed_head, self._registry.database)
                self._looked_at = time.monotonic()
        return wait

    @property
    def is_over(self) -> bool:
        """Whether every stream ends, because the process does."""
        return self._ended

    def follow(
        self,
        after: int,
        *,
        wanted: Wanted,
        admitted: Callable[[], Awaitable[Caller]],
        principal: str,
    ) -> AsyncIterator[bytes]:
        """Return the events after a ``seq``, and further ones as they happen.

        Args:
            after: The ``seq`` to begin after.
            wanted: Only events that match.
            admitted: Called repeatedly; it raises when the caller is no longer admitted.
            principal: The caller, who has a share of the streams.

        Raises:
            ServiceBusyError: This process, or the principal in it, has its largest number.
        """
        return self._places.taken_by(principal, self._stream(after, wanted, admitted))

    async def _stream(
        self,
        after: int,
        wanted: Wanted,
        admitted: Callable[[], Awaitable[Caller]],
    ) -> AsyncIterator[bytes]:
        until = time.monotonic() + LASTS_S
        try:
            while time.monotonic() < until and not self._ended:
                await admitted()
                if not await self.beyond(after):
                    yield b":\n\n"
                    continue
                page = await run_in_threadpool(self._registry.events, after, _PAGE)
                for event in page:
                    if wanted.has(event):
                        yield _format_event(event)
                after = page[-1].seq
        except PedigreeError:
            return  # its client connects again, and gets the error


def _format_event(event: Event) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.type.encode(), to_json(event))
