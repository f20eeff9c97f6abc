"""HTTP/1.1 on a connection, with limits on headers, time and order.

uvicorn parses and answers. This module adds what uvicorn has no setting for: a bound on the bytes
and the number of headers, the time that headers may take, the time that a client may take to read,
and a bound on what a client sends after its answer. The time of bodies is in
``pedigree.server.http.bodies``, because only the application knows when it waits for one.
"""

import math
import time
from asyncio import AbstractEventLoop, BaseTransport
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pedigree.server.connections import Connections
from pedigree.server.raw_answers import raw_answer
from pedigree.server.refusals import MOST_HEADER_BYTES, MOST_HEADERS, Refusal

# Requests that a client may send before it has the answer to the first; hardly any client does.
_MOST_PIPELINED = 8
# After a refusal the client reads the answer, and what it still sends is thrown away.
_LINGER_S = 2.0
# An early answer, such as 401, does not read the body; a client may finish sending it.
_UNREAD_S = 30.0
_MOST_UNREAD_BYTES = 64 << 20
# A client that takes no part of an answer for this time does not read.
_READ_S = 60.0
# How often it is seen whether an answer has left for the socket, if it did not do so at once.
_WRITTEN_S = 0.01

WRITTEN = "written"
"""The name in a request's state of a list: what is called once its whole answer is in the socket.

A connection has one list, since it answers one request at a time.
"""


class LimitedProtocol(HttpToolsProtocol):
    """A connection; the application's state names the :class:`Connections` that it counts in."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        self._written: list[Callable[[], object]] = []
        super().__init__(config, server_state, {**app_state, WRITTEN: self._written}, _loop)
        self._counted: Connections = app_state["connections"]
        self._deadline = math.inf
        self._read_deadline = math.inf
        # Bytes that the parser got since something was complete: a head, or a piece of a body.
        self._incomplete = 0
        self._unread = 0
        self._is_in_body = False
        # A callback of the parser cannot stop it, so it leaves the reason here.
        self._refusal: Refusal | None = None
        # What arrives is thrown away, and the connection is about to close.
        self._is_over = False
        # Why the connection ended; None while it has not, or if it ended without an error.
        self._failure: Exception | None = None
        self._is_lost = False

    @property
    def _host(self) -> str | None:
        return self.client[0] if self.client else None

    def connection_made(self, transport: BaseTransport) -> None:
        """Count a new connection, or refuse it."""
        super().connection_made(transport)  # type: ignore[arg-type]
        refusal = self._counted.add(self, self._host)
        if refusal is not None:
            self._refuse(refusal)
        else:
            self._deadline = time.monotonic() + self._counted.header_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        self._counted.remove(self)
        self._failure, self._is_lost = exc, True
        self._deadline = self._read_deadline = math.inf
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, at most as much at a time as a head may still have."""
        self._unset_keepalive_if_required()
        rest = memoryview(data)  # its slices are no copies
        while rest and not self._is_over:
            room = MOST_HEADER_BYTES - self._incomplete
            self._parse(rest[:room])
            rest = rest[room:]
        if rest:
            self._throw_away(len(rest))

    def _parse(self, data: memoryview) -> None:
        if not self._incomplete and not self._is_in_body:
            self._begin_head()
        self._incomplete += len(data)
        before = self._incomplete
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request is answered without the upgrade; what follows is in no protocol.
            self._is_over = True
            self.cycle.keep_alive = False
            return
        except httptools.HttpParserError:
            self._refusal = self._refusal or Refusal.MALFORMED
        if self._refusal is None and self._incomplete == before >= MOST_HEADER_BYTES:
            self._refusal = Refusal.HEADER_SIZE
        if self._refusal is not None:
            self._refuse(self._refusal)

    def _begin_head(self) -> None:
        """Start the time of a head, unless an earlier request is in progress."""
        self._counted.mark_busy(self)
        if self.cycle is not None and self.cycle.response_complete:
            self._deadline = time.monotonic() + self._counted.header_seconds

    # --- The parser calls these while it parses.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of a head; a trailer after a body is left out."""
        if self._is_in_body:
            return
        if len(self.headers) >= MOST_HEADERS:
            self._refusal = Refusal.HEADER_COUNT
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request."""
        if len(self.pipeline) >= _MOST_PIPELINED:
            self._refusal = Refusal.PIPELINE
        if self._refusal is not None:
            return
        self._incomplete = 0
        self._is_in_body = True
        self._deadline = math.inf
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, or throw it away if the request has its answer."""
        if self._refusal is not None:
            return
        self._incomplete = 0
        if self.cycle.response_complete:
            self._throw_away(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the body of a request."""
        if self._refusal is not None:
            return
        self._incomplete = 0
        self._is_in_body = False
        super().on_message_complete()
        if self.cycle.response_complete:
            self._become_idle()

    # --- The application answers.

    def on_response_complete(self) -> None:
        """Begin a waiting request, or wait for the next one."""
        if self._written:
            self.loop.call_soon(self._call_when_written, tuple(self._written))
            self._written.clear()
        super().on_response_complete()
        # The connection's own deadline takes the place of uvicorn's timer.
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            self._end(_UNREAD_S)
        elif not self.cycle.response_complete:
            return
        elif self._is_in_body:
            self._unread, self._deadline = 0, time.monotonic() + _UNREAD_S
        elif self._incomplete:
            self._deadline = time.monotonic() + self._counted.header_seconds
        else:
            self._become_idle()

    def _call_when_written(self, written: tuple[Callable[[], object], ...]) -> None:
        """Call functions once the socket has taken all bytes; never if the connection failed."""
        if self._is_lost and self._failure is not None:
            return
        if self.transport.get_write_buffer_size() == 0:
            for call in written:
                call()
        elif not self._is_lost:
            self.loop.call_later(_WRITTEN_S, self._call_when_written, written)

    def _become_idle(self) -> None:
        self._deadline = time.monotonic() + self._counted.idle_seconds
        self._counted.mark_idle(self)

    def pause_writing(self) -> None:
        """Note that the client does not read as fast as the application answers."""
        super().pause_writing()
        self._read_deadline = time.monotonic() + _READ_S

    def resume_writing(self) -> None:
        """Note that the client has read a part of the answer."""
        super().resume_writing()
        self._read_deadline = math.inf

    # --- The connection ends.

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Refuse a request that is not HTTP."""
        self._refuse(Refusal.MALFORMED)

    def expires_by(self, now: float) -> bool:
        """Return whether a deadline of the connection has passed."""
        return now >= self._deadline or now >= self._read_deadline

    def expire(self) -> None:
        """End the connection, whose deadline has passed."""
        if time.monotonic() >= self._read_deadline:
            self._counted.count(Refusal.READER, self._host)
            self.transport.abort()
        elif self._is_over or self._is_in_body:
            self.transport.abort()
        elif self._incomplete:
            self._refuse(Refusal.HEADER_TIME)
        else:
            self.transport.close()
            self._end(_LINGER_S)

    def close_idle(self) -> None:
        """Close the connection, which has no request."""
        self.transport.close()
        self._end(_LINGER_S)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with the reason, if the client can still tell what the answer belongs to."""
        self._counted.count(refusal, self._host)
        self._end(_LINGER_S)
        can_answer = self._stop_request() and refusal is not Refusal.PIPELINE
        if not can_answer or not self._counted.may_linger(self):
            self.transport.abort()
            return
        self.transport.write(raw_answer(refusal))
        # Until the client closes: a connection closed with unread bytes may lose the answer.
        self.flow.resume_reading()
        self.transport.write_eof()

    def _stop_request(self) -> bool:
        """End the request in progress; return whether nothing of an answer has been sent to it."""
        cycle = self.cycle
        if cycle is None:
            return True
        is_running = not cycle.response_complete
        if is_running:
            cycle.disconnected = True
            cycle.message_event.set()
        if self._is_in_body:
            return not cycle.response_started and not self.pipeline
        return not is_running  # otherwise the answer would look like that of an earlier request

    def _end(self, seconds: float) -> None:
        self._is_over = True
        self._unread, self._deadline = 0, time.monotonic() + seconds

    def _throw_away(self, size: int) -> None:
        self._unread += size
        if self._unread > _MOST_UNREAD_BYTES:
            self.transport.abort()
