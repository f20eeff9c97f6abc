"""Who opens a page: by the cookie of a session, by a token, or on this machine without either."""

import secrets
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from pedigree.server.http.auth import Authenticator, Caller, RouteAccess
from pedigree.server.web.form_tokens import FormKey

COOKIE = "__Host-pedigree"
"""The cookie of a browser; its prefix lets no other host and no other path set it."""

_BYTES = 32
_LONGEST_COOKIE = 128


class Visitor(NamedTuple):
    """Who opens a page, and by which browser.

    Attributes:
        caller: The principal, and the registry with their permissions.
        cookie: The secret of the browser's cookie.
        is_new: The browser has no such cookie yet.
    """

    caller: Caller
    cookie: str
    is_new: bool

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
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def admit(self, request: Request, declared: RouteAccess) -> Visitor:
        """Return the visitor of a page.

        Raises:
            NotAuthenticatedError: Nobody is signed in.
            NotPermittedError: The visitor may not open this page, or not for this model.
        """
        cookie = cookie_of(request)
        caller = await self._authenticator.admit(request, declared)
        return Visitor(caller, cookie or new_cookie(), cookie is None)


def cookie_of(request: Request) -> str | None:
    """Return the secret of a browser's cookie; None without one that we could have made."""
    given = request.cookies.get(COOKIE)
    return given if given and len(given) <= _LONGEST_COOKIE and given.isascii() else None


def new_cookie() -> str:
    """Return a new secret of 256 random bits."""
    return secrets.token_urlsafe(_BYTES)


def set_cookie(response: Response, cookie: str) -> None:
    """Let a browser keep a secret until it is closed."""
    response.set_cookie(COOKIE, cookie, path="/", secure=True, httponly=True, samesite="lax")
