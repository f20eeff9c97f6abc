"""Sign out of the page, and of the issuer."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pedigree.access.oidc.code_flow import with_query
from pedigree.errors import ProviderUnavailableError
from pedigree.server.web.issuers import Issuers
from pedigree.server.web.links import SIGN_IN, SIGN_IN_CALLBACK, SIGN_OUT
from pedigree.server.web.open_pages import OpenPageRoute, OpenVisit
from pedigree.server.web.sign_in_rules import callback_of
from pedigree.server.web.visitors import drop_cookie


async def sign_out(visit: OpenVisit) -> Response:
    """End the session, and lead to the issuer's page of sign-out where it has one."""
    response = visit.lead_to(visit.links.sign_in())
    if visit.session is not None:
        await end_session_of(visit)
        if left := await _issuers_end(visit.request, visit.session.provider):
            response = visit.lead_to(left)
    drop_cookie(response)
    return response


ROUTES = (OpenPageRoute(SIGN_OUT, sign_out, "POST"),)


async def end_session_of(visit: OpenVisit) -> None:
    """End the session of a browser, if it has one; in this process at once."""
    if visit.session is None:
        return
    operations = visit.session.caller.registry.operations.sessions
    await run_in_threadpool(operations.sign_out, visit.session.session_id)
    visit.request.app.state.web_sessions.forget(visit.cookie)


async def _issuers_end(request: Request, name: str | None) -> str | None:
    """Return the page of sign-out of a session's issuer; None without one."""
    issuers: Issuers = request.app.state.issuers
    provider = issuers.providers.get(name) if name else None
    if provider is None:
        return None
    try:
        addresses = await run_in_threadpool(issuers.addresses, provider)
    except ProviderUnavailableError:
        return None
    if addresses.end_session is None:
        return None
    back = callback_of(request).removesuffix(SIGN_IN_CALLBACK) + SIGN_IN
    query = {"client_id": str(provider.page_client), "post_logout_redirect_uri": back}
    return with_query(addresses.end_session, query)
