"""Fair use: each principal has a share of what this process can do at once.

A request waits for its principal's own share before it takes a place that others need. So one
token, however many requests it sends, leaves threads and connections for the others.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import NamedTuple

from pedigree.errors import ServiceBusyError
from pedigree.server.refusals import Refusal
from pedigree.server.request_metrics import RequestMetrics
from pedigree.settings import Settings

# As long as a request waits for a connection of the database.
_LONGEST_WAIT_S = 10.0


class Use(StrEnum):
    """What requests take of the service; each principal has a share of each."""

    REQUESTS = "requests"
    SEARCHES = "searches"
    UPLOADS = "uploads"
    STREAMS = "streams"
    CHECKS = "checks"


class Share(NamedTuple):
    """How much of a use one principal may have at once."""

    running: int
    """The requests that run; further ones wait."""
    waiting: int
    """The requests that wait; further ones are refused."""


class _Queue:
    """The requests of one principal for one use."""

    def __init__(self, share: Share) -> None:
        self.present = 0  # that run or wait
        self.places = asyncio.Semaphore(share.running)


class FairUse:
    """The shares of all principals.

    Args:
        settings: The limits.
        metrics: Where refusals are counted.
    """

    def __init__(self, settings: Settings, metrics: RequestMetrics) -> None:
        # Half of the threads and connections: what is left serves everybody else.
        half = max(1, settings.database_connections // 2)
        waiting = settings.serve_requests_per_principal
        self._shares: Mapping[Use, Share] = {
            Use.REQUESTS: Share(half, waiting),
            Use.SEARCHES: Share(min(settings.serve_searches_per_principal, half), waiting),
            Use.UPLOADS: Share(min(settings.serve_uploads_per_principal, half), waiting),
            Use.STREAMS: Share(settings.serve_streams_per_principal, 0),
            # What is left of the processes that read files serves everybody else.
            Use.CHECKS: Share(max(1, settings.scans_at_once - 1), waiting),
        }
        self._metrics = metrics
        self._queues: dict[tuple[str, Use], _Queue] = {}
        # Of all principals: a search that waits must not wait in a thread that others need.
        self._searches = asyncio.Semaphore(settings.search_connections)

    @asynccontextmanager
    async def share(self, principal: str, use: Use | None) -> AsyncIterator[None]:
        """Take a place of a principal's share; wait for one if all are taken.

        A search or a check is a request as well, and waits for its place among those first: among
        those of the principal, and then among the searches of all. None is a use without shares,
        such as that of a scraper.

        Raises:
            ServiceBusyError: As many requests of the principal wait as may wait, or a search waited
                too long.
        """
        if use is None:
            yield
        elif use is Use.SEARCHES:
            async with (
                self._place(principal, use),
                self._searching(),
                self._place(principal, Use.REQUESTS),
            ):
                yield
        elif use is Use.CHECKS:
            async with self._place(principal, use), self._place(principal, Use.REQUESTS):
                yield
        else:
            async with self._place(principal, use):
                yield

    def require_free(self, principal: str, use: Use) -> None:
        """Refuse a request of a principal whose share is used up.

        Raises:
            ServiceBusyError: As many requests of the principal wait as may wait.
        """
        queue, share = self._queues.get((principal, use)), self._shares[use]
        if queue is not None and queue.present >= share.running + share.waiting:
            self._metrics.count_refusal(Refusal(use))
            raise ServiceBusyError(
                f"this principal has {queue.present} {use} at once, which is the most",
                remedy="Try again in a second, or send fewer at a time",
            )

    @asynccontextmanager
    async def _searching(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await self._searches.acquire()
        except TimeoutError:
            self._metrics.count_refusal(Refusal.SEARCHES)
            raise ServiceBusyError(
                "as many searches run as this process runs at once",
                remedy="Try again in a second",
            ) from None
        try:
            yield
        finally:
            self._searches.release()

    @asynccontextmanager
    async def _place(self, principal: str, use: Use) -> AsyncIterator[None]:
        self.require_free(principal, use)
        key = principal, use
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue(self._shares[use])
        queue.present += 1
        try:
            async with queue.places:
                yield
        finally:
            queue.present -= 1
            if not queue.present:
                del self._queues[key]
