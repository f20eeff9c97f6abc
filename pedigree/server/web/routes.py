"""Routes of pages: each declares its permission, and one that does not fails at start-up."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pedigree.errors import PedigreeError
from pedigree.server.http.auth import Authenticator, RouteAccess
from pedigree.server.http.bodies import Bodies
from pedigree.server.http.fair_use import FairUse
from pedigree.server.http.inputs import require_text
from pedigree.server.http.named_routes import NamedRoute
from pedigree.server.web.form_tokens import FIELD
from pedigree.server.web.forms import MOST_FORM_BYTES, require_form
from pedigree.server.web.kept_forms import is_of_our_page, wants_page
from pedigree.server.web.visitors import Visitor, Visitors
from pedigree.server.web.visits import Visit

Endpoint = Callable[..., Response]
StreamEndpoint = Callable[[Request, Visitor, Callable[[], Awaitable[Visitor]]], Awaitable[Response]]
Handler = Callable[[RouteAccess, Request], Awaitable[Response]]


class PageRoute(NamedRoute):
    """A route of a page, for one method.

    Args:
        path: Its path.
        endpoint: What answers: a plain function of a visit and the parts of the path, which runs
            in a thread, or what :meth:`Pages.stream` takes.
        method: The method.
        handle: Answers a request by the endpoint.
        streams: Whether its answer goes on.

    Raises:
        TypeError: The endpoint is not marked by :func:`~pedigree.server.http.auth.requires`.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., object],
        method: str,
        handle: Handler,
        *,
        streams: bool = False,
    ) -> None:
        declared = getattr(endpoint, "declared", None)
        if declared is None:
            raise TypeError(f"{endpoint.__qualname__} lacks a permission: mark it by @requires(…)")
        self.declared: RouteAccess = declared
        self.streams = streams
        # The names of pages and of the routes of the API are in one table.
        name = f"page_{endpoint.__name__}"
        super().__init__(path, partial(handle, declared), methods=[method], name=name)


class Pages:
    """The pages of one subject."""

    def __init__(self) -> None:
        self.routes: list[PageRoute] = []

    def get(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a page that is read."""
        return partial(self._add, path, "GET")

    def post(self, path: str, again: Endpoint) -> Callable[[Endpoint], Endpoint]:
        """Declare what a form does.

        Args:
            path: The path of the form.
            again: Shows the form with what was typed and why it was refused: a function of the
                same visit, which then has the error as ``refused``.
        """
        return partial(self._add, path, "POST", again=again)

    def stream(self, path: str) -> Callable[[StreamEndpoint], StreamEndpoint]:
        """Declare a stream, which takes no thread and is no use of a session."""

        def add(endpoint: StreamEndpoint) -> StreamEndpoint:
            self.routes.append(
                PageRoute(path, endpoint, "GET", partial(_stream, endpoint), streams=True)
            )
            return endpoint

        return add

    def _add(
        self, path: str, method: str, endpoint: Endpoint, again: Endpoint | None = None
    ) -> Endpoint:
        answer = partial(_answer, _Page(endpoint, again))
        self.routes.append(PageRoute(path, endpoint, method, answer))
        return endpoint


class _Page(NamedTuple):
    """What a route of a page needs to answer.

    Attributes:
        endpoint: Answers.
        again: Shows a form that was refused; None for a page that is read.
    """

    endpoint: Endpoint
    again: Endpoint | None


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


async def _answer(page: _Page, declared: RouteAccess, request: Request) -> Response:
    state = request.app.state
    bodies: Bodies = state.bodies
    fair_use: FairUse = state.fair_use
    authenticator: Authenticator = state.authenticator
    request.state.declared = declared
    require_text(request)
    if request.method == "POST":
        require_form(request)
    visitor = await _admitted(declared, request)
    request.state.caller = visitor.caller
    sender = visitor.caller.principal.name
    received = bodies.received(request, sender, streams=False, most=MOST_FORM_BYTES)
    async with received as complete, fair_use.share(sender, declared.use), authenticator:
        visit = Visit(request, visitor, await complete.body())
        if request.method == "POST":
            request.state.typed = visit.body
        response = await run_in_threadpool(_done, page, visit)
    return visitor.keep_cookie(response)


def _done(page: _Page, visit: Visit) -> Response:
    """Answer a visit; with its form again if that is refused, and if a person sent it."""
    parts = visit.request.path_params
    try:
        if visit.request.method == "POST":
            visit.require_own_form()
        visit.look_around()
        return page.endpoint(visit, **parts)
    except PedigreeError as error:
        is_ours = error.field != FIELD or is_of_our_page(visit.request)
        if page.again is None or not is_ours or not wants_page(visit.request):
            raise
        visit.refused = error
        try:
            return page.again(visit, **parts)
        except PedigreeError:
            # Such as a database that is away: the page of errors has what was typed.
            raise error from None


async def _admitted(declared: RouteAccess, request: Request) -> Visitor:
    """Return the visitor; what somebody typed who is not let in is kept for the page of errors."""
    authenticator: Authenticator = request.app.state.authenticator
    visitors: Visitors = request.app.state.visitors
    try:
        async with authenticator:
            return await visitors.admit(request, declared)
    except PedigreeError:
        if request.method == "POST" and wants_page(request):
            await _keep_typed(request)
        raise


async def _keep_typed(request: Request) -> None:
    bodies: Bodies = request.app.state.bodies
    address = request.client.host if request.client else ""
    received = bodies.received(request, f"address {address}", streams=False, most=MOST_FORM_BYTES)
    with suppress(PedigreeError):
        async with received as complete:
            request.state.typed = await complete.body()
