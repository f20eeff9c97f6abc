"""Routes of pages: each declares its permission, and one that does not fails at start-up."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pedigree.server.http.auth import Authenticator, RouteAccess
from pedigree.server.http.bodies import Bodies
from pedigree.server.http.fair_use import FairUse
from pedigree.server.http.inputs import require_text
from pedigree.server.web.forms import MOST_FORM_BYTES, require_form
from pedigree.server.web.visitors import Visitor, Visitors
from pedigree.server.web.visits import Visit

Endpoint = Callable[..., Response]
StreamEndpoint = Callable[[Request, Visitor, Callable[[], Awaitable[Visitor]]], Awaitable[Response]]
Handler = Callable[[Any, RouteAccess, Request], Awaitable[Response]]


class PageRoute(Route):
    """A route of a page, for one method.

    Args:
        path: Its path.
        endpoint: A plain function of a visit and the parts of the path; it runs in a thread.
        method: The method.
        handle: Answers a request by the endpoint.

    Raises:
        TypeError: The endpoint is not marked by :func:`~pedigree.server.http.auth.requires`.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], method: str, handle: Handler
    ) -> None:
        declared = getattr(endpoint, "declared", None)
        if declared is None:
            raise TypeError(f"{endpoint.__qualname__} lacks a permission: mark it by @requires(…)")
        self.declared: RouteAccess = declared
        self.streams = handle is _stream
        # The names of pages and of the routes of the API are in one table.
        name = f"page_{endpoint.__name__}"
        super().__init__(path, partial(handle, endpoint, declared), methods=[method], name=name)


class Pages:
    """The pages of one subject."""

    def __init__(self) -> None:
        self.routes: list[PageRoute] = []

    def get(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a page that is read."""
        return partial(self._add, path, "GET")

    def post(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Declare what a form does."""
        return partial(self._add, path, "POST")

    def stream(self, path: str) -> Callable[[StreamEndpoint], StreamEndpoint]:
        """Declare a stream, which takes no thread and is no use of a session."""

        def add(endpoint: StreamEndpoint) -> StreamEndpoint:
            self.routes.append(PageRoute(path, endpoint, "GET", _stream))
            return endpoint

        return add

    def _add(self, path: str, method: str, endpoint: Endpoint) -> Endpoint:
        self.routes.append(PageRoute(path, endpoint, method, _answer))
        return endpoint


async def _stream(endpoint: StreamEndpoint, declared: RouteAccess, request: Request) -> Response:
    state = request.app.state
    authenticator: Authenticator = state.authenticator
    visitors: Visitors = state.visitors
    fair_use: FairUse = state.fair_use
    request.state.declared = declared
    require_text(request)
    # A page that nobody looks at must not keep its session from ending.
    admit = partial(visitors.admit, request, declared, is_use=False)
    async with authenticator:
        visitor = await admit()
    request.state.caller = visitor.caller
    async with fair_use.share(visitor.caller.principal.name, declared.use):
        return await endpoint(request, visitor, admit)


async def _answer(endpoint: Endpoint, declared: RouteAccess, request: Request) -> Response:
    state = request.app.state
    authenticator: Authenticator = state.authenticator
    visitors: Visitors = state.visitors
    bodies: Bodies = state.bodies
    fair_use: FairUse = state.fair_use
    request.state.declared = declared
    require_text(request)
    if request.method == "POST":
        require_form(request)
    async with authenticator:
        visitor = await visitors.admit(request, declared)
    request.state.caller = visitor.caller
    sender = visitor.caller.principal.name
    received = bodies.received(request, sender, streams=False, most=MOST_FORM_BYTES)
    async with received as complete, fair_use.share(sender, declared.use), authenticator:
        visit = Visit(request, visitor, await complete.body())
        if request.method == "POST":
            visit.require_own_form()
        response = await run_in_threadpool(_visited, endpoint, visit)
    return visitor.keep_cookie(response)


def _visited(endpoint: Endpoint, visit: Visit) -> Response:
    visit.look_around()
    return endpoint(visit, **visit.request.path_params)
