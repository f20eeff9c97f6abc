"""Bodies of requests: received in time, within a size, and before anything that others need.

A body is received completely before its request takes a place at work, a thread or a database
connection. A file is the exception: it streams to a temporary file, and holds none of these while
it arrives.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from pedigree.errors import ServiceBusyError, SlowRequestError, TooLargeError
from pedigree.server.refusals import Refusal
from pedigree.server.request_metrics import RequestMetrics
from pedigree.settings import Settings

MOST_JSON_BYTES = 4 << 20

# A file of at most this size is held in memory, as JSON is.
SMALL_FILE_BYTES = 1 << 20
# All bodies that a worker holds, and those of one principal; JSON takes more once it is parsed.
_MOST_BYTES = 64 << 20
_MOST_BYTES_OF_ONE = 16 << 20
# The minimum rate is that of each such time, so that a client may send in bursts.
_WINDOW_S = 10.0


class Bodies:
    """The bodies that this process receives and holds.

    Args:
        settings: The limits.
        metrics: Where refusals are counted.
    """

    def __init__(self, settings: Settings, metrics: RequestMetrics) -> None:
        self._seconds = settings.serve_body_timeout.total_seconds()
        self._least = settings.serve_body_rate * _WINDOW_S
        self._most_of_one = settings.serve_bodies_per_principal
        self._metrics = metrics
        self._arriving: Counter[str] = Counter()
        self._bytes_of: Counter[str] = Counter()
        self._bytes = 0

    @asynccontextmanager
    async def received(
        self, request: Request, principal: str, *, streams: bool, most: int = MOST_JSON_BYTES
    ) -> AsyncIterator[Request]:
        """Receive the body of a request, and yield the request with it.

        The body counts as held until the block ends. A large file is not received here: its
        endpoint reads it as a stream, at the minimum rate.

        Args:
            request: The request.
            principal: The name of its sender.
            streams: The endpoint can read its body as a stream.
            most: The most bytes of any other body.

        Raises:
            TooLargeError: The body is larger than that.
            SlowRequestError: It did not arrive in time, or more slowly than the minimum rate.
            ServiceBusyError: The principal sends too many bodies at once, or too much is held.
            ClientDisconnect: The client has disconnected.
        """
        length = _length(request)
        if length == 0:
            yield request
        elif streams and (length is None or length > SMALL_FILE_BYTES):
            yield Request(request.scope, self._paced(request.receive, math.inf))
        else:
            _require_size(length or 0, most)
            pieces = bytearray()
            try:
                with self._one_arriving(principal):
                    receive = self._paced(request.receive, self._seconds)
                    async for piece in _pieces(receive):
                        self._hold(principal, len(piece))
                        pieces += piece
                        _require_size(len(pieces), most)
                yield Request(request.scope, _replayed(bytes(pieces), request.receive))
            finally:
                self._release(principal, len(pieces))

    @contextmanager
    def _one_arriving(self, principal: str) -> Iterator[None]:
        if self._arriving[principal] >= self._most_of_one:
            raise self._busy("this principal sends too many bodies at once")
        self._arriving[principal] += 1
        try:
            yield
        finally:
            _subtract(self._arriving, principal, 1)

    def _hold(self, principal: str, size: int) -> None:
        if self._bytes_of[principal] + size > _MOST_BYTES_OF_ONE:
            raise self._busy("this principal sends too much at once")
        if self._bytes + size > _MOST_BYTES:
            raise self._busy("the service has received too much that it has not yet handled")
        self._bytes += size
        self._bytes_of[principal] += size

    def _release(self, principal: str, size: int) -> None:
        self._bytes -= size
        _subtract(self._bytes_of, principal, size)

    def _busy(self, message: str) -> ServiceBusyError:
        self._metrics.count_refusal(Refusal.BODIES)
        return ServiceBusyError(message, remedy="Try again in a second")

    def _paced(self, receive: Receive, seconds: float) -> Receive:
        """Return a receiver that refuses a body that is too slow.

        Args:
            receive: Receives the next part of the body.
            seconds: How long it may be waited for in all. The time in which nobody waits, because
                the disk is slow for example, does not count.
        """
        left, window, arrived, is_complete = seconds, _WINDOW_S, 0, False

        async def next_part() -> Message:
            nonlocal left, window, arrived, is_complete
            if is_complete:
                return await receive()
            began = time.monotonic()
            try:
                async with asyncio.timeout(min(left, window)):
                    message = await receive()
            except TimeoutError:
                raise self._slow() from None
            waited = time.monotonic() - began
            left, window = left - waited, window - waited
            arrived += len(message.get("body", b""))
            if arrived >= self._least:
                window, arrived = _WINDOW_S, 0
            is_complete = not message.get("more_body", False)
            return message

        return next_part

    def _slow(self) -> SlowRequestError:
        self._metrics.count_refusal(Refusal.BODY_TIME)
        return SlowRequestError(
            "the body did not arrive in time",
            field="body",
            remedy=f"Send it at {self._least / _WINDOW_S:g} bytes per second at least",
        )


def has_body(request: Request) -> bool:
    """Return whether a request has a body, by its head."""
    return _length(request) != 0


def _length(request: Request) -> int | None:
    """Return the length of a body; None if the head does not state it."""
    if "transfer-encoding" in request.headers:
        return None
    return int(request.headers.get("content-length", "0"))  # digits, or the server had refused it


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a receiver of a body that has arrived, and then of what follows it."""
    given = False

    async def next_part() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_part


def _require_size(size: int, most: int) -> None:
    if size > most:
        raise TooLargeError(
            f"a body has {most >> 20} MiB at most",
            field="body",
            remedy="Send less at a time; files go through an upload",
        )


def _subtract(counts: Counter[str], key: str, number: int) -> None:
    """Subtract from a count, and forget a key that is at zero."""
    counts[key] -= number
    if not counts[key]:
        del counts[key]
