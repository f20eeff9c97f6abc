"""Fair use: each principal has a share of what this process can do at once.

A request waits for its principal's own share before it takes a place that others need. So one
token, however many requests it sends, leaves threads and connections for the others.
"""

import asyncio
from collections.abc import Mapping
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
    PASSED_ON = "passed_on"


_USES: Mapping[Use | None, tuple[Use, ...]] = {
    None: (),
    **{use: (use,) for use in Use},
    Use.SEARCHES: (Use.SEARCHES, Use.REQUESTS),
    Use.CHECKS: (Use.CHECKS, Use.REQUESTS),
}


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
            # They take neither threads nor connections of the database.
            Use.PASSED_ON: Share(max(1, settings.mlflow_proxy_requests // 2), waiting),
        }
        self._metrics = metrics
        self._queues: dict[tuple[str, Use], _Queue] = {}
        # Of all principals: a search that waits must not wait in a thread that others need.
        self._searches = asyncio.Semaphore(settings.search_connections)

    def share(self, principal: str, use: Use | None) -> "Places":
        """Return the places that a request takes of a principal's share, to enter and leave.

        A search is a request as well, and waits for its place among the searches first. None is a
        use without shares, such as that of a scraper.
        """
        return Places(self, principal, _USES[use])

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

    async def take(self, principal: str, use: Use) -> None:
        """Take a place; wait for one if all are taken.

        Raises:
            ServiceBusyError: As many requests of the principal wait as may wait, or a search waited
                too long for its place among the searches of all.
        """
        self.require_free(principal, use)
        queue = self._queues.get((principal, use))
        if queue is None:
            queue = self._queues[principal, use] = _Queue(self._shares[use])
        queue.present += 1
        try:
            await queue.places.acquire()
        except BaseException:  # canceled while it waited
            self._remove(principal, use)
            raise
        if use is Use.SEARCHES:
            try:
                await self._take_search()
            except BaseException:
                self._leave(principal, use)
                raise

    async def _take_search(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await self._searches.acquire()
        except TimeoutError:
            self._metrics.count_refusal(Refusal.SEARCHES)
            raise ServiceBusyError(
                "as many searches run as this process runs at once",
                remedy="Try again in a second",
            ) from None

    def give_back(self, principal: str, use: Use) -> None:
        """Give back a place that was taken."""
        if use is Use.SEARCHES:
            self._searches.release()
        self._leave(principal, use)

    def _leave(self, principal: str, use: Use) -> None:
        self._queues[principal, use].places.release()
        self._remove(principal, use)

    def _remove(self, principal: str, use: Use) -> None:
        queue = self._queues[principal, use]
        queue.present -= 1
        if not queue.present:
            del self._queues[principal, use]


class Places:
    """The places of one request. A class, since a generator takes longer than a point read's JSON.

    Args:
        fair_use: The shares.
        principal: Whose request it is.
        uses: What it takes a place of, in the order in which it waits.
    """

    __slots__ = ("_fair_use", "_principal", "_taken", "_uses")

    def __init__(self, fair_use: FairUse, principal: str, uses: tuple[Use, ...]) -> None:
        self._fair_use = fair_use
        self._principal = principal
        self._uses = uses
        self._taken: list[Use] = []

    async def __aenter__(self) -> None:
        try:
            for use in self._uses:
                await self._fair_use.take(self._principal, use)
                self._taken.append(use)
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        while self._taken:
            self._fair_use.give_back(self._principal, self._taken.pop())
