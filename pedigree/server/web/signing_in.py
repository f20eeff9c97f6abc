"""Sign in to the page, by a token or at an issuer."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pedigree.access import tokens
from pedigree.access.oidc.attempts import LIFETIME_S, SignInAttempt
from pedigree.access.oidc.code_flow import (
    SignInAddresses,
    code_in,
    page_of,
    redeemed,
    refused,
)
from pedigree.access.oidc.identities import Identity
from pedigree.access.oidc.providers import Provider
from pedigree.access.oidc.refusals import RefusedTokenError
from pedigree.access.sessions import SignIn
from pedigree.errors import (
    LoginFailedError,
    NotAuthenticatedError,
    NotPermittedError,
    PedigreeError,
    ProviderUnavailableError,
)
from pedigree.registry import Registry
from pedigree.server.http.problems import status_of
from pedigree.server.http.unknown_tokens import UnknownTokens
from pedigree.server.web.issuers import Issuers
from pedigree.server.web.links import NEXT, SIGN_IN, SIGN_IN_CALLBACK, SIGN_IN_ISSUER
from pedigree.server.web.open_pages import OpenPageRoute, OpenVisit
from pedigree.server.web.rendering import policy
from pedigree.server.web.sign_in_rules import callback_of, require_guarded
from pedigree.server.web.signing_out import end_session_of
from pedigree.server.web.visitors import new_cookie, set_cookie
from pedigree.server.web.ways_back import way_back

ATTEMPT_COOKIE = "__Host-pedigree-sign-in"
"""The cookie of an attempt; it comes back with the issuer's answer, since it is Lax."""

_LONGEST_TOKEN = 512


class _Offer(NamedTuple):
    """A provider as the page of sign-in offers it.

    Attributes:
        name: Its name.
        host: Its host.
        problem: Why it cannot be used now; None if it can.
    """

    name: str
    host: str
    problem: str | None


async def sign_in(visit: OpenVisit) -> Response:
    """Show the ways to sign in."""
    return await _page(visit, way_back(visit.query.get(NEXT)))


async def sign_in_by_token(visit: OpenVisit) -> Response:
    """Begin the session of somebody who shows a token, which is only in the body of the form."""
    target = way_back(visit.form.get(NEXT))
    require_guarded(visit.request)
    secret = visit.form.get("token", "").strip()
    state = visit.request.app.state
    try:
        if not secret.startswith(tokens.PREFIX) or len(secret) > _LONGEST_TOKEN:
            raise _not_a_token()
        await state.authenticator.caller_of(secret, visit.request)
        bearer = await state.point_reads.bearer(secret)
        if bearer is None:
            raise _not_a_token()
    except NotAuthenticatedError:
        return await _page(visit, target, _not_a_token())
    registry: Registry = state.registry
    made = new_cookie(of_session=True)
    await run_in_threadpool(registry.operations.sessions.begin_by_token, bearer, made)
    return await _begun(visit, target, made)


async def sign_in_at_issuer(visit: OpenVisit) -> Response:
    """Lead to the issuer, with what its answer must repeat."""
    target = way_back(visit.form.get(NEXT))
    require_guarded(visit.request)
    issuers: Issuers = visit.request.app.state.issuers
    provider = issuers.providers.get(visit.form.get("provider", ""))
    if provider is None:
        return await _page(visit, target, refused("no such provider is offered", "provider"))
    try:
        addresses = await run_in_threadpool(issuers.addresses, provider)
    except ProviderUnavailableError as error:
        return await _page(visit, target, error)
    attempt = SignInAttempt.new(provider.name, target)
    response = visit.lead_to(page_of(provider, addresses, attempt, callback_of(visit.request)))
    response.set_cookie(
        ATTEMPT_COOKIE,
        attempt.cookie,
        max_age=LIFETIME_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return response


async def sign_in_callback(visit: OpenVisit) -> Response:
    """Take the answer of an issuer, and begin the session of whom it names."""
    attempt = SignInAttempt.of_cookie(visit.request.cookies.get(ATTEMPT_COOKIE, ""))
    unknown: UnknownTokens = visit.request.app.state.unknown_sign_ins
    address = visit.request.client.host if visit.request.client else ""
    unknown.require_few(address)
    target = way_back(attempt.way_back if attempt else None)
    try:
        require_guarded(visit.request)
        made = await _signed_in(visit.request, attempt)
    except (RefusedTokenError, PedigreeError) as error:
        unknown.note(address)
        shown = error if isinstance(error, PedigreeError) else refused(str(error), "sign-in")
        response = await _page(visit, target, shown)
    else:
        response = await _begun(visit, target, made)
    response.delete_cookie(ATTEMPT_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


ROUTES = (
    OpenPageRoute(SIGN_IN, sign_in, "GET"),
    OpenPageRoute(SIGN_IN, sign_in_by_token, "POST"),
    OpenPageRoute(SIGN_IN_ISSUER, sign_in_at_issuer, "POST"),
    OpenPageRoute(SIGN_IN_CALLBACK, sign_in_callback, "GET"),
)


async def _signed_in(request: Request, attempt: SignInAttempt | None) -> str:
    """Return the secret of the session of whom an issuer's answer names."""
    state = request.app.state
    issuers: Issuers = state.issuers
    provider = issuers.providers.get(attempt.provider) if attempt else None
    if attempt is None or provider is None:
        raise refused("this browser began no sign-in within the last ten minutes", "state")
    addresses = await run_in_threadpool(issuers.addresses, provider)
    code = code_in(_answer_in(request), provider, addresses, attempt)
    identity = await _identity(request, provider, addresses, attempt, code)
    principal = await state.people.principal(identity)
    registry: Registry = state.registry
    made = new_cookie(of_session=True)
    await run_in_threadpool(
        registry.operations.sessions.begin_by_login,
        SignIn(identity, attempt.state),
        principal.name,
        made,
    )
    return made


async def _identity(
    request: Request,
    provider: Provider,
    addresses: SignInAddresses,
    attempt: SignInAttempt,
    code: str,
) -> Identity:
    issued = await run_in_threadpool(
        redeemed, provider, addresses, attempt, code, callback_of(request)
    )
    identity: Identity = await request.app.state.oidc.signed_in(provider, issued, attempt)
    return identity


def _answer_in(request: Request) -> Mapping[str, str]:
    """Return the parameters of an answer; one that is given twice has no value."""
    given = request.query_params
    return {name: given[name] for name in given if len(given.getlist(name)) == 1}


async def _begun(visit: OpenVisit, target: str, made: str) -> Response:
    """Give the browser its new session, and end the one that it had."""
    await end_session_of(visit)
    response = visit.lead_to(visit.links.within(target))
    set_cookie(response, made)
    return response


async def _page(visit: OpenVisit, target: str, error: PedigreeError | None = None) -> Response:
    """Show the ways to sign in, and why the last one failed."""
    issuers: Issuers = visit.request.app.state.issuers
    offers = [await _offer(issuers, each) for each in issuers.providers.values()]
    origins = [origin for each in offers for origin in issuers.origins(each.name)]
    status = 200 if error is None else status_of(error)
    return visit.page(
        "sign_in.html",
        status=401 if isinstance(error, LoginFailedError) else status,
        content_policy=policy(tuple(dict.fromkeys(origins))),
        error=error,
        offers=offers,
        way_back=target,
        plain=_is_plain(visit.request),
    )


async def _offer(issuers: Issuers, provider: Provider) -> _Offer:
    problem = None
    try:
        await run_in_threadpool(issuers.addresses, provider)
    except ProviderUnavailableError as error:
        problem = error.message
    return _Offer(provider.name, urlsplit(provider.issuer).hostname or "", problem)


def _is_plain(request: Request) -> str | None:
    """Return why nobody signs in by this request; None if somebody may."""
    try:
        require_guarded(request)
    except NotPermittedError as error:
        return str(error)
    return None


def _not_a_token() -> NotAuthenticatedError:
    return NotAuthenticatedError(
        "no such token is valid",
        field="token",
        remedy=f"Give one that begins with {tokens.PREFIX}; `pedigree token create` makes one",
    )
