"""The stream of a page that is open: what has moved since, and how much waits for the visitor."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pedigree.access.records import Permission
from pedigree.audit.event_types import READS, EventType
from pedigree.audit.log import FeedEntry
from pedigree.errors import NotAuthenticatedError, NotPermittedError, PedigreeError
from pedigree.server.http.auth import requires
from pedigree.server.http.event_stream import LASTS_S, MEDIA_TYPE, SILENCE_S
from pedigree.server.http.fair_use import FairUse
from pedigree.server.http.heads import is_head
from pedigree.server.http.stream_places import StreamPlaces
from pedigree.server.web.frame import bar_count
from pedigree.server.web.keys import key_before
from pedigree.server.web.links import LIVE
from pedigree.server.web.live_feed import LiveFeed
from pedigree.server.web.routes import Pages
from pedigree.server.web.visitors import Visitor

pages = Pages()

_MOST_STREAMS = 500
# A busy registry has many events a second, and a page says once that it moved.
_BEAT_S = 1.0
# What a cookie or a token gave is trusted for half a second, so that it is asked again after that.
_TRUST_ENDS_S = 0.6
_RETRY_MS = 3_000
# How long a stream waits for events that its page has already seen.
_CATCHES_UP_S = 3.0
# How many models are named at most; beyond that all may have moved.
_MOST_NAMED = 200
# How many threads count numbers at once, however many streams there are.
_COUNTING = 2

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_SILENT = READS | {EventType.MEMBER_FAILED, EventType.MEMBER_RECOVERED}
# What changes the lists of requests.
_REQUESTS = frozenset(
    {
        EventType.VERSION_STAGE_REQUESTED,
        EventType.VERSION_REQUEST_WITHDRAWN,
        EventType.VERSION_STAGE_CHANGED,
        EventType.VERSION_APPROVED,
        EventType.VERSION_REJECTED,
        EventType.VERSION_OVERRIDDEN,
        EventType.VERSION_DELETED,
        EventType.MODEL_DELETED,
        EventType.MODEL_RENAMED,
        EventType.MODEL_RESTORED,
    }
)
# What may also change whose decision a request waits for.
_DECIDERS = _REQUESTS | {
    EventType.MODEL_UPDATED,
    EventType.VERSION_TRAINED,
    EventType.VERSION_UPDATED,
    EventType.ALIAS_SET,
    EventType.ALIAS_DELETED,
}
# Objects of events about people and what they may.
_ACCESS = ("token", "session", "role", "group", "grant", "principal", "identity", "person")
# Moves of one version that pages of the model's other versions show as well.
_OF_MODEL = frozenset(
    {
        EventType.VERSION_STAGE_CHANGED,
        EventType.VERSION_OVERRIDDEN,
        EventType.ALIAS_SET,
        EventType.ALIAS_DELETED,
    }
)

Admit = Callable[[], Awaitable[Visitor]]


class Live:
    """The streams of the pages that are open at this process.

    Args:
        feed: What happens.
        fair_use: The shares of principals.
    """

    def __init__(self, feed: LiveFeed, fair_use: FairUse) -> None:
        self._feed = feed
        self._places = StreamPlaces(fair_use, _MOST_STREAMS)
        self._counting = asyncio.Semaphore(_COUNTING)

    def follow(self, visitor: Visitor, place: int | None, admit: Admit) -> AsyncIterator[bytes]:
        """Return the stream of a visitor.

        Args:
            visitor: Who opened it.
            place: The place of the feed up to which their page has everything; None for now.
            admit: Called when their rights may have changed; it raises when they have none.

        Raises:
            ServiceBusyError: This process, or the principal in it, has its largest number.
        """
        stream = _LiveStream(self._feed, visitor, admit, self.waiting)
        return self._places.taken_by(visitor.caller.principal.name, stream.parts(place))

    async def waiting(self, visitor: Visitor) -> int:
        """Return how many requests wait for a visitor's decision."""
        ask = visitor.caller.registry.operations.stage_requests.awaited_decisions
        async with self._counting:
            return (await run_in_threadpool(ask)).number


class _News(NamedTuple):
    """What some events are to one visitor."""

    place: int
    """That of the last event that they may know of; 0 without one."""
    moved: dict[str, list[int] | None] | None
    """The versions that moved by their models, None for a whole model; None: all may have."""
    lists: bool
    """Lists of requests may have changed."""
    recounts: bool
    """The number that waits for them may have changed."""
    readmits: bool
    """Their rights may have changed."""


class _LiveStream:
    """The stream of one visitor.

    Args:
        feed: What happens.
        visitor: The visitor.
        admit: Returns the visitor with their present rights.
        count: Returns how many requests wait for a visitor.
    """

    def __init__(
        self,
        feed: LiveFeed,
        visitor: Visitor,
        admit: Admit,
        count: Callable[[Visitor], Awaitable[int]],
    ) -> None:
        self._feed = feed
        self._visitor = visitor
        self._admit = admit
        self._count = count
        self._readable: dict[str, bool] = {}
        self._said: int | None = None

    async def parts(self, place: int | None) -> AsyncIterator[bytes]:
        """Yield the stream after a place of the feed."""
        yield b"retry: %d\n\n" % _RETRY_MS
        try:
            async with self._feed.followed():
                async for part in self._following(place):
                    yield part
        except (NotAuthenticatedError, NotPermittedError):
            yield b"event: over\ndata:\n\n"
        except PedigreeError:
            return  # the browser connects again, and gets the error

    async def _following(self, place: int | None) -> AsyncIterator[bytes]:
        feed = self._feed
        read = feed.place if place is None else place
        if read > feed.place:
            await feed.beyond(read - 1, _CATCHES_UP_S)
        until = time.monotonic() + LASTS_S
        asks_at = beats_at = time.monotonic() + SILENCE_S
        recounts = True
        while not feed.is_over and time.monotonic() < until:
            if time.monotonic() >= asks_at:
                recounts |= await self._is_changed()
                asks_at = time.monotonic() + SILENCE_S
            entries = feed.since(read)
            news = self._all_moved() if entries is None else self._news(entries)
            read = feed.place
            if news.readmits:
                asks_at = min(asks_at, time.monotonic() + _TRUST_ENDS_S)
            message = await self._message(news, recounts=recounts or news.recounts)
            recounts = False
            if message:
                yield message
                await asyncio.sleep(_BEAT_S)
            # Not whenever something happens that is not for this visitor.
            if time.monotonic() >= beats_at:
                beats_at = time.monotonic() + SILENCE_S
                yield b":\n\n"
            await feed.beyond(read, max(0.0, min(asks_at, beats_at) - time.monotonic()))

    async def _is_changed(self) -> bool:
        """Ask for the visitor again; return whether they may do something else now."""
        before = self._visitor.caller.principal
        self._visitor = await self._admit()
        if self._visitor.caller.principal == before:
            return False
        self._readable.clear()
        return True

    def _all_moved(self) -> _News:
        return _News(self._feed.place, None, lists=True, recounts=True, readmits=False)

    def _news(self, entries: Iterable[FeedEntry]) -> _News:
        """Return what events are to the visitor; others than of readable models are nothing."""
        moved: dict[str, list[int] | None] = {}
        seen: set[str] = set()
        place, readmits = 0, False
        for entry in entries:
            if entry.model is None:
                readmits |= entry.type.partition(".")[0] in _ACCESS
            elif not entry.is_of_card and entry.type not in _SILENT and self._may(entry.model):
                place = entry.seq
                seen.add(entry.type)
                _add(moved, entry)
        return _News(
            place,
            moved if len(moved) <= _MOST_NAMED else None,
            lists=not _REQUESTS.isdisjoint(seen),
            recounts=not _DECIDERS.isdisjoint(seen) or readmits,
            readmits=readmits,
        )

    def _may(self, model: str) -> bool:
        known = self._readable.get(model)
        if known is None:
            known = self._visitor.caller.principal.may(Permission.READ, model)
            self._readable[model] = known
        return known

    async def _message(self, news: _News, *, recounts: bool) -> bytes | None:
        """Return what is said of news; None if they change nothing for the visitor."""
        said: dict[str, Any] = {}
        if news.moved != {}:
            said = {"moved": news.moved, "lists": news.lists}
        if recounts:
            waiting = await self._count(self._visitor)
            if waiting != self._said:
                self._said = waiting
                said["waiting"] = bar_count(waiting)._asdict()
        if not said:
            return None
        place = b"id: %d\n" % news.place if news.place else b""
        return b"%sdata: %s\n\n" % (place, to_json(said))


def _add(moved: dict[str, list[int] | None], entry: FeedEntry) -> None:
    """Add what an event moved."""
    name = str(entry.model)
    if entry.version is None or entry.type in _OF_MODEL:
        moved[name] = None
        return
    versions = moved.setdefault(name, [])
    if versions is not None and entry.version not in versions:
        versions.append(entry.version)


@pages.stream(LIVE)
@requires(Permission.READ, lists=True)
async def live(request: Request, visitor: Visitor, admit: Admit) -> Response:
    """Return a stream of what moves; a caller that takes no stream gets what waits for them."""
    state = request.app.state
    following: Live = state.live
    after = key_before(request.query_params, "after")
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        waiting = bar_count(await following.waiting(visitor))
        return Response(
            to_json({"waiting": waiting._asdict()}), media_type="application/json", headers=_HEADERS
        )
    if is_head(request.scope):
        return Response(media_type=MEDIA_TYPE, headers=_HEADERS)
    seen = request.headers.get("last-event-id", "")
    place = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else after
    stream = following.follow(visitor, place, admit)
    return StreamingResponse(stream, media_type=MEDIA_TYPE, headers=_HEADERS)
