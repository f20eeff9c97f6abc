"""Middleware of every request: counts, traces, logs, request ids and headers of every answer."""

import logging
import re
import secrets
import time
from collections.abc import Mapping
from itertools import count

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pedigree import logs, tracing
from pedigree.postgres.pages import bound_pages
from pedigree.server.http.heads import as_get, is_head, without_body
from pedigree.server.http.proxies import Proxies
from pedigree.server.http.security_headers import with_security_headers
from pedigree.server.log_head import LogHead
from pedigree.server.request_metrics import RequestMetrics
from pedigree.server.shutdown import Drain

_LOG = logging.getLogger(__name__)

# An id that a caller or a load balancer chose is used if it is safe in a log line.
_CHOSEN = re.compile(rb"[\w.:+/=-]{1,128}")
# The one name of all paths without a route.
_NO_ROUTE = "none"
# Several records of a page together; one record alone may be larger. JSON takes many times as much
# memory once it is parsed, and as many pages as there are connections are read at once.
_PAGE_BYTES = 2 << 20
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestMiddleware:
    """An application that counts, traces and logs every request.

    Args:
        app: The application with its error handlers.
        metrics: Where requests are counted.
        drain: Whether the process is about to end.
        proxies: The trusted proxies, and the prefix of all paths.
        log_head: The state of the audit log, which every answer announces.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: RequestMetrics,
        drain: Drain,
        proxies: Proxies,
        log_head: LogHead,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._drain = drain
        self._proxies = proxies
        self._log_head = log_head
        # Not generated for each request, which would take longer than everything else here; not at
        # import, because workers are forked after it.
        self._process = secrets.token_hex(12)
        self._request_numbers = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = as_get(self._proxies.resolve(scope))
        request = _Request(
            asked,
            scope["method"],
            send,
            self._drain,
            request_id=self._id(scope),
            log_head=self._log_head,
        )
        logs.bind_fields(request.about)
        bound_pages(_PAGE_BYTES)
        try:
            if tracing.is_on():
                await self._traced(request, receive)
            else:
                await self._app(asked, receive, request.send)
        finally:
            self._note(request)

    def _id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _CHOSEN.fullmatch(value):
                return str(value, "ascii")
        return f"{self._process}{next(self._request_numbers):08x}"

    async def _traced(self, request: "_Request", receive: Receive) -> None:
        scope = request.scope
        with tracing.request_span(request.method, Headers(scope=scope)) as span:
            assert span is not None
            request.trace_id = tracing.trace_id()
            try:
                await self._app(scope, receive, request.send)
            finally:
                span.update_name(f"{request.method} {request.route}")
                span.set_attribute("http.route", request.route)
                span.set_attribute("http.response.status_code", request.status)
                span.set_attribute("pedigree.request_id", request.request_id)
                if request.status >= 500:
                    span.set_attribute("error.type", str(request.status))

    def _note(self, request: "_Request") -> None:
        method, status = request.method, request.status
        # A made-up method or path must not become a series.
        counted = method if method in _METHODS and request.route != _NO_ROUTE else _NO_ROUTE
        self._metrics.count(counted, request.route, status, request.seconds)
        level = _level(method, status)
        if _LOG.isEnabledFor(level):
            fields = {"status": status, "duration_ms": round(request.seconds * 1000, 1)}
            _LOG.log(
                level,
                "%s %s",
                method,
                request.route,
                extra={"action": "request.answered", **fields},
            )


class _Request:
    """One request, and its known properties."""

    def __init__(
        self,
        scope: Scope,
        method: str,
        send: Send,
        drain: Drain,
        *,
        request_id: str,
        log_head: LogHead,
    ) -> None:
        self.scope = scope
        self.method = method
        self.status = 500
        self.seconds = 0.0
        self.request_id = request_id
        self.trace_id: str | None = None
        self._send = send
        self._drain = drain
        self._log_head = log_head
        self._begun = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # Until the answer begins: how long a stream or large file lasts depends on its reader.
            self.seconds = time.perf_counter() - self._begun
            headers = with_security_headers(message.get("headers", ()))
            headers.append((b"x-request-id", self.request_id.encode()))
            headers.extend(self._log_head.headers)
            if self._drain.begun:
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        if is_head(self.scope):
            message = without_body(message)
        await self._send(message)

    @property
    def route(self) -> str:
        """The template of the route, never a path."""
        return getattr(self.scope.get("route"), "path", _NO_ROUTE)

    def about(self) -> Mapping[str, object]:
        """Return the fields of every log line of the request."""
        parameters = self.scope.get("path_params", {})
        caller = self.scope.get("state", {}).get("caller")
        return {
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "actor": caller.principal.shown_name if caller else None,
            "method": self.method,
            "route": self.route,
            "model": parameters.get("name"),
            "version": parameters.get("version"),
        }


def _level(method: str, status: int) -> int:
    """Return the log level of a request: successful reads are debug messages."""
    if status >= 500:
        return logging.WARNING
    return logging.DEBUG if status < 400 and method in _READS else logging.INFO
