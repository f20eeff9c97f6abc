"""What happened lately: read once by a process for all pages that follow it.

A page that is open follows the feed by a stream. Streams need no thread and no statement while
nothing happens: one task waits for the head of the feed with all other event streams
(:class:`~pedigree.server.http.event_stream.EventStream`), reads what the new events concern, and
wakes the streams.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from pedigree.audit.log import FeedEntry
from pedigree.errors import PedigreeError
from pedigree.registry import Registry
from pedigree.server.http.event_stream import EventStream

# A page that was hidden for longer than these events is offered to be loaded again.
_KEPT = 5_000
_PAGE = 1_000


class LiveFeed:
    """The newest events of the feed, as long as somebody follows them.

    Args:
        registry: The registry of the process, which reads all models.
        events: The head of the feed.
    """

    def __init__(self, registry: Registry, events: EventStream) -> None:
        self._registry = registry
        self._events = events
        self._followers = 0
        self._reading: asyncio.Task[None] | None = None
        self._is_ready = asyncio.Event()
        self._news = asyncio.Event()
        self._kept: list[FeedEntry] = []
        self._begins = 0
        self.place = 0
        """The newest place that was read."""

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Keep it current within the block."""
        self._followers += 1
        if self.is_over:
            self._is_ready.clear()
            self._reading = asyncio.create_task(self._read())
        try:
            await self._is_ready.wait()
            yield
        finally:
            self._followers -= 1
            if not self._followers and self._reading is not None:
                self._reading.cancel()
                self._reading = None

    @property
    def is_over(self) -> bool:
        """Whether it is not kept current: the process ends, or the database does not answer."""
        return self._reading is None or self._reading.done()

    def since(self, place: int) -> Sequence[FeedEntry] | None:
        """Return the events after a place; None if there are too many, or there is no such place.

        Args:
            place: The place in the feed.
        """
        if not self._begins <= place <= self.place:
            return None
        return self._kept[bisect_right(self._kept, place, key=lambda each: each.seq) :]

    async def beyond(self, place: int, seconds: float) -> None:
        """Wait for events after a place, for its end, or for some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.place <= place and not self.is_over:
                    await self._news.wait()

    async def _read(self) -> None:
        try:
            await self._begin()
            while not self._events.is_over:
                if await self._events.beyond(self.place):
                    await self._take()
        except PedigreeError:
            return  # the streams end, and their browsers connect again
        finally:
            self._is_ready.set()
            # Those who wait look at once whether it is over.
            asyncio.get_running_loop().call_soon(self._wake)

    async def _begin(self) -> None:
        # A page is a little older than its stream.
        head = await self._events.head()
        self.place = self._begins = max(0, head - _PAGE)
        self._kept = []
        await self._take()
        self._is_ready.set()

    async def _take(self) -> None:
        read = self._registry.operations.events.entries
        found = await run_in_threadpool(read, self.place, _PAGE)
        if not found:
            return
        self._kept += found
        self.place = found[-1].seq
        if len(self._kept) > 2 * _KEPT:
            self._begins = self._kept[-_KEPT - 1].seq
            del self._kept[:-_KEPT]
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
