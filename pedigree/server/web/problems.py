"""Errors as pages: what was wrong, the value and the remedy; programs get problem details."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import psycopg
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from pedigree import errors
from pedigree.lifecycle.awaited_decisions import AwaitedDecisions
from pedigree.postgres._failures import schema_error
from pedigree.server.http.auth import RouteAccess
from pedigree.server.web.form_tokens import FormKey
from pedigree.server.web.frame import PARTS, Frame
from pedigree.server.web.issuers import policy_for
from pedigree.server.web.kept_forms import kept_form, wants_page
from pedigree.server.web.links import Links
from pedigree.server.web.near import near_pages
from pedigree.server.web.problem_words import says_of
from pedigree.server.web.rendering import clock, page
from pedigree.server.web.visitors import (
    Visitor,
    Visitors,
    awaited_by,
    cookie_of,
    new_cookie,
)
from pedigree.server.web.who_may import who_may

Handler = Callable[[Request, Exception], Awaitable[Response]]

_TITLES = {
    400: "This request cannot be read",
    401: "Sign in to see this",
    403: "Your role does not allow this",
    404: "There is nothing here",
    405: "This cannot be done here",
    408: "The request took too long",
    409: "This cannot be done now",
    412: "It has changed since you opened it",
    413: "This is too large",
    415: "This cannot be read as a form",
    422: "This cannot be accepted",
    429: "The registry has too much to do",
    501: "This service is not set up for it",
    503: "The registry cannot be reached",
}
_AGAIN = {
    401: "Nothing of it was done. Sign in in another tab, and then go on here: the form is shown"
    " with what you typed.",
    403: "Nothing of it was done. The form is shown with what you typed, if you may use it.",
}
_AGAIN_LATER = "It can be sent again as it is: what was done already is not done twice."
_READING = frozenset({"GET", "HEAD"})
_UNEXPECTED = "Something went wrong here"


def add_pages_of_errors(app: FastAPI) -> None:
    """Let errors be answered by a page where a person asks, and as before where a program does."""
    for kind in (errors.PedigreeError, HTTPException, psycopg.ProgrammingError, Exception):
        handler = cast("Handler", app.exception_handlers[kind])
        app.add_exception_handler(kind, _with_page(handler))


def _with_page(handler: Handler) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        answer = await handler(request, error)
        if not wants_page(request) or answer.status_code < 400:
            return answer
        if answer.status_code == 401 and request.method in _READING:
            return _to_sign_in(request)
        known = schema_error(error) or error
        shown = await _shown(request, known, answer.status_code)
        for name in ("retry-after", "allow", "connection"):
            if name in answer.headers:
                shown.headers[name] = answer.headers[name]
        return shown

    return handle


def _to_sign_in(request: Request) -> Response:
    """Lead somebody who is not known to the page of sign-in, which leads back."""
    query = f"?{request.url.query}" if request.url.query else ""
    target = Links(request.scope, None).sign_in(f"{request.url.path}{query}")
    return RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})


async def _shown(request: Request, error: Exception, status: int) -> Response:
    visitor = await _visitor(request, status)
    links = Links(request.scope, None)
    key = visitor.form_key if visitor else FormKey(cookie_of(request) or new_cookie())
    kept = kept_form(request) if request.method == "POST" else None
    context: dict[str, Any] = {
        "links": links,
        "frame": await _frame(request, visitor, status),
        "now": clock(),
        "query": request.query_params,
        "title": _TITLES.get(status, _UNEXPECTED),
        "says": says_of(error, status),
        "status": status,
        "who": _who_may(request) if status == 403 else None,
        "near": await near_pages(error, visitor, links),
        "kept": kept,
        "was_form": request.method == "POST",
        "again": _AGAIN.get(status, _AGAIN_LATER),
    }
    session = visitor.session if visitor else None
    headers = policy_for(request, session)
    return page(request, "error.html", context, form_key=key, status=status, headers=headers)


async def _visitor(request: Request, status: int) -> Visitor | None:
    """Return who asked, also for an address that no page has; None if that is not known."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is not None or status not in (404, 405):
        return known
    visitors: Visitors = request.app.state.visitors
    try:
        session = await visitors.session_of(request)
    except (errors.PedigreeError, psycopg.Error):
        return None
    cookie = cookie_of(request)
    return Visitor(session.caller, cookie, False, session) if session and cookie else None


def _who_may(request: Request) -> str | None:
    """Return in words who may open a page or send its form."""
    declared: RouteAccess | None = getattr(request.state, "declared", None)
    return None if declared is None else who_may(declared.permission)


async def _frame(request: Request, visitor: Visitor | None, status: int) -> Frame:
    path = request.url.path
    if visitor is None:
        return Frame("", False, (), next((each for each in PARTS if each.has(path)), None))
    awaited: AwaitedDecisions | None = getattr(request.state, "awaited", None)
    if awaited is None and status < 500:
        # The page was refused before it read anything. What fails here is not the error to show.
        with suppress(errors.PedigreeError):
            awaited = await run_in_threadpool(awaited_by, visitor)
    return Frame.of(visitor, path, awaited)
