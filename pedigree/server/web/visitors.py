"""Who opens a page: by the cookie of a session, by a token, or on this machine without either."""

import secrets
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.lifecycle.awaited_decisions import AwaitedDecisions
from pedigree.server.http.auth import Authenticator, Caller, RouteAccess
from pedigree.server.web.form_tokens import FormKey
from pedigree.server.web.web_sessions import BrowserSession, WebSessions

COOKIE = "__Host-pedigree"
"""The cookie of a browser; its prefix lets no other host and no other path set it."""

_BYTES = 32
# No other cookie begins so, so that one without a session costs no look-up.
_OF_SESSION = "in."
_LONGEST_COOKIE = 128


class Visitor(NamedTuple):
    """Who opens a page, and by which browser.

    Attributes:
        caller: The principal, and the registry with their permissions.
        cookie: The secret of the browser's cookie.
        is_new: The browser has no such cookie yet.
        session: The session by which they are known; None if it is no session.
    """

    caller: Caller
    cookie: str
    is_new: bool
    session: BrowserSession | None

    @property
    def form_key(self) -> FormKey:
        """What makes the tokens of forms for this browser."""
        return FormKey(self.cookie)

    def keep_cookie(self, response: Response) -> Response:
        """Let the browser keep its cookie."""
        if self.is_new:
            set_cookie(response, self.cookie)
        return response


class Visitors:
    """Finds out who opens a page.

    Args:
        authenticator: The judge of callers, which the API has as well.
        sessions: The sessions of cookies, which the API does not read.
    """

    def __init__(self, authenticator: Authenticator, sessions: WebSessions) -> None:
        self._authenticator = authenticator
        self._sessions = sessions

    async def admit(
        self, request: Request, declared: RouteAccess, *, is_use: bool = True
    ) -> Visitor:
        """Return the visitor of a page.

        Args:
            request: The request.
            declared: What its route requires.
            is_use: Whether it is a use of the visitor's session.

        Raises:
            NotAuthenticatedError: Nobody is signed in.
            NotPermittedError: The visitor may not open this page, or not for this model.
        """
        cookie = cookie_of(request)
        session = await self.session_of(request, is_use=is_use)
        if session is None:
            caller = await self._authenticator.admit(request, declared)
        else:
            caller = session.caller
        visitor = Visitor(caller, cookie or new_cookie(), cookie is None, session)
        # An error is shown to them with their name.
        request.state.visitor = visitor
        if session is not None:
            self._authenticator.permit(caller, request, declared)
        return visitor

    async def session_of(self, request: Request, *, is_use: bool = True) -> BrowserSession | None:
        """Return the session of a request's cookie; a token in its head comes before a cookie."""
        cookie = cookie_of(request)
        is_of_session = cookie is not None and cookie.startswith(_OF_SESSION)
        if cookie is None or not is_of_session or "authorization" in request.headers:
            return None
        return await self._sessions.find(cookie, request, is_use=is_use)


def awaited_by(visitor: Visitor) -> AwaitedDecisions | None:
    """Return what waits for a visitor's decision, for the bar; None if they may read no model."""
    if not visitor.caller.principal.may(Permission.READ, SOME, SOME):
        return None
    return visitor.caller.registry.operations.stage_requests.awaited_decisions()


def cookie_of(request: Request) -> str | None:
    """Return the secret of a browser's cookie; None without one that we could have made."""
    given = request.cookies.get(COOKIE)
    return given if given and len(given) <= _LONGEST_COOKIE and given.isascii() else None


def new_cookie(*, of_session: bool = False) -> str:
    """Return a new secret of 256 random bits.

    Args:
        of_session: Somebody signs in; other cookies only make the tokens of forms.
    """
    return (_OF_SESSION if of_session else "") + secrets.token_urlsafe(_BYTES)


def drop_cookie(response: Response) -> None:
    """Let a browser forget its secret."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def set_cookie(response: Response, cookie: str) -> None:
    """Let a browser keep a secret until it is closed."""
    response.set_cookie(COOKIE, cookie, path="/", secure=True, httponly=True, samesite="lax")
