"""The feed that pages follow: read once for all, kept for a while, and only while needed."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import pytest

from pedigree.errors import DatabaseUnavailableError
from pedigree.registry import Registry
from pedigree.registry.events import EventOperations
from pedigree.server.http.event_stream import EventStream
from pedigree.server.http.fair_use import FairUse
from pedigree.server.request_metrics import RequestMetrics
from pedigree.server.web import live_feed
from pedigree.server.web.live_feed import LiveFeed

SOON = 60.0


@pytest.fixture
def feed_of(registry: Registry) -> Callable[[], tuple[LiveFeed, EventStream]]:
    """Make a feed, within an event loop."""

    def make() -> tuple[LiveFeed, EventStream]:
        events = EventStream(registry, FairUse(registry.settings, RequestMetrics()))
        return LiveFeed(registry, events), events

    return make


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The places after which the feed was read."""
    found: list[int] = []
    entries = EventOperations.entries

    def counted(self: EventOperations, after: int, limit: int) -> Any:
        found.append(after)
        return entries(self, after, limit)

    monkeypatch.setattr(EventOperations, "entries", counted)
    return found


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(SOON):
            await work()

    # Tests with a browser leave an event loop in the thread of the tests.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, bounded()).result()


async def changed(registry: Registry, *models: str) -> None:
    for name in models:
        await asyncio.to_thread(registry.create_model, name)


def test_many_followers_take_one_read(
    registry: Registry,
    feed_of: Callable[[], tuple[LiveFeed, EventStream]],
    reads: list[int],
) -> None:
    async def work() -> None:
        feed, _ = feed_of()
        async with AsyncExitStack() as followed:
            for _ in range(20):
                await followed.enter_async_context(feed.followed())
            assert len(reads) == 1
            place = feed.place
            waiting = [asyncio.create_task(feed.beyond(place, SOON)) for _ in range(20)]
            await changed(registry, "churn")
            await asyncio.gather(*waiting)
            found = [feed.since(place) or () for _ in range(20)]
            assert [[each.model for each in entries] for entries in found] == [["churn"]] * 20
            assert len(reads) == 2

    run(work)


def test_nothing_is_read_when_nobody_follows(
    registry: Registry,
    feed_of: Callable[[], tuple[LiveFeed, EventStream]],
    reads: list[int],
) -> None:
    async def work() -> None:
        feed, _ = feed_of()
        assert feed.is_over
        async with feed.followed():
            assert not feed.is_over
            place = feed.place
        assert feed.is_over
        number = len(reads)
        await changed(registry, "churn")
        assert len(reads) == number
        async with feed.followed():
            # The head of the feed may be half a second old.
            await feed.beyond(place, SOON)
            assert [each.model for each in feed.since(place) or ()] == ["churn"]

    run(work)


def test_only_the_newest_events_are_kept(
    registry: Registry,
    feed_of: Callable[[], tuple[LiveFeed, EventStream]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_feed, "_KEPT", 2)
    monkeypatch.setattr(live_feed, "_PAGE", 3)

    async def work() -> None:
        feed, _ = feed_of()
        await changed(registry, "a", "b", "c", "d")
        async with feed.followed():
            # It begins with the newest page.
            assert feed.since(0) is None
            assert [each.model for each in feed.since(1) or ()] == ["b", "c", "d"]
            await changed(registry, "e", "f")
            while feed.place < 6:
                await feed.beyond(feed.place, SOON)
            assert feed.since(3) is None
            assert [each.model for each in feed.since(4) or ()] == ["e", "f"]
            assert feed.since(6) == []
            assert feed.since(7) is None

    run(work)


def test_the_end_of_the_process_wakes_who_waits(
    feed_of: Callable[[], tuple[LiveFeed, EventStream]],
) -> None:
    async def work() -> None:
        feed, events = feed_of()
        async with feed.followed():
            waiting = asyncio.create_task(feed.beyond(feed.place, 10 * SOON))
            await asyncio.sleep(0)
            events.end()
            await waiting
            assert feed.is_over

    run(work)


def test_a_database_that_is_away_ends_streams_and_later_ones_begin_again(
    registry: Registry,
    feed_of: Callable[[], tuple[LiveFeed, EventStream]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_away(*_: object) -> None:
        raise DatabaseUnavailableError("is away", field="database", value="x", remedy="Start it")

    async def work() -> None:
        feed, _ = feed_of()
        async with feed.followed():
            with monkeypatch.context() as patch:
                patch.setattr(EventOperations, "entries", is_away)
                waiting = asyncio.create_task(feed.beyond(feed.place, 10 * SOON))
                await changed(registry, "churn")
                await waiting
            assert feed.is_over
            async with feed.followed():
                assert [each.model for each in feed.since(0) or ()] == ["churn"]

    run(work)
