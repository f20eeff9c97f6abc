"""Pages that nobody must be known for: those of signing in and out."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, partial
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pedigree.server.http.auth import Authenticator
from pedigree.server.http.bodies import Bodies
from pedigree.server.http.inputs import require_text
from pedigree.server.http.named_routes import NamedRoute
from pedigree.server.web.form_tokens import FIELD, FormKey
from pedigree.server.web.forms import MOST_FORM_BYTES, fields_of, require_form
from pedigree.server.web.frame import Frame
from pedigree.server.web.links import Links
from pedigree.server.web.rendering import clock, page
from pedigree.server.web.visitors import Visitor, Visitors, cookie_of, new_cookie, set_cookie
from pedigree.server.web.web_sessions import BrowserSession

OpenEndpoint = Callable[["OpenVisit"], Awaitable[Response]]

_NO_STORE = {"Cache-Control": "no-store"}


class OpenVisit:
    """One request of a page that nobody must be known for.

    Args:
        request: The request.
        cookie: The secret of the browser's cookie.
        session: Its session; None if it has none.
        body: The body of a form.
    """

    def __init__(
        self, request: Request, cookie: str, session: BrowserSession | None, body: bytes
    ) -> None:
        self.request = request
        self.cookie = cookie
        self.session = session
        self._body = body

    @property
    def query(self) -> QueryParams:
        """The query of the page's URL."""
        return self.request.query_params

    @cached_property
    def links(self) -> Links:
        """Links to other pages."""
        return Links(self.request.scope, None)

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The fields of the form that was sent.

        Raises:
            InvalidInputError: It is not a form, or a field is there twice.
        """
        return fields_of(self._body)

    def page(
        self, template: str, *, status: int = 200, content_policy: str | None = None, **context: Any
    ) -> Response:
        """Answer with a template, which no browser keeps.

        Args:
            template: The name of the template.
            status: The status of the answer.
            content_policy: Another policy than that of every page.
            context: What the template shows.
        """
        visitor = None
        if self.session is not None:
            visitor = Visitor(self.session.caller, self.cookie, False, self.session)
        path = self.request.url.path
        frame = Frame.of(visitor, path, None) if visitor else Frame("", False, (), None)
        known = {"links": self.links, "frame": frame, "now": clock(), "query": self.query}
        headers = dict(_NO_STORE)
        if content_policy is not None:
            headers["Content-Security-Policy"] = content_policy
        return page(
            self.request,
            template,
            {**known, **context},
            form_key=FormKey(self.cookie),
            status=status,
            headers=headers,
        )

    def lead_to(self, link: str) -> Response:
        """Lead the browser to another page."""
        return RedirectResponse(link, status_code=303, headers=_NO_STORE)


class OpenPageRoute(NamedRoute):
    """A route of a page that nobody must be known for, for one method."""

    def __init__(self, path: str, endpoint: OpenEndpoint, method: str) -> None:
        answer = partial(_answer, endpoint)
        name = f"page_{endpoint.__name__}"
        super().__init__(path, answer, methods=[method], name=name)


async def _answer(endpoint: OpenEndpoint, request: Request) -> Response:
    state = request.app.state
    authenticator: Authenticator = state.authenticator
    visitors: Visitors = state.visitors
    bodies: Bodies = state.bodies
    require_text(request)
    if request.method == "POST":
        require_form(request)
    given = cookie_of(request)
    async with authenticator:
        session = await visitors.session_of(request)
    address = request.client.host if request.client else ""
    received = bodies.received(request, f"address {address}", streams=False, most=MOST_FORM_BYTES)
    async with received as complete, authenticator:
        visit = OpenVisit(request, given or new_cookie(), session, await complete.body())
        if request.method == "POST":
            FormKey(visit.cookie).require(visit.form.get(FIELD))
        response = await endpoint(visit)
    if given is None and "set-cookie" not in response.headers:
        set_cookie(response, visit.cookie)
    return response
