"""People whom an authenticating proxy names in a header."""

import time
from ipaddress import ip_address

from pydantic import JsonValue
from starlette.requests import Request

from pedigree.access.oidc.identities import Identity, identity_of, is_name
from pedigree.access.oidc.proxy import AuthenticatingProxy
from pedigree.server.http.credentials import unknown_caller
from pedigree.server.http.proxies import came_by_socket, peer_of


def named_identity(request: Request, proxy: AuthenticatingProxy) -> Identity | None:
    """Return whom the proxy names; None if it names nobody, or somebody else sends the request.

    Raises:
        NotAuthenticatedError: The header or the secret is not what the proxy sends.
        NoRuleError: Whom it names meets no rule.
    """
    if proxy.user_header.lower() not in request.headers or not _is_from(request, proxy):
        return None
    user = _only(request, proxy.user_header)
    if user is None or not is_name(user):
        raise unknown_caller(f"the header {proxy.user_header} holds no name")
    claims: dict[str, JsonValue] = {"sub": user, "iat": time.time()}
    if proxy.groups_header is not None:
        groups = (_only(request, proxy.groups_header) or "").split(",")
        claims["groups"] = list[JsonValue](each.strip() for each in groups if each.strip())
    if proxy.email_header is not None:
        claims |= {"email": _only(request, proxy.email_header), "email_verified": True}
    return identity_of(claims, proxy)


def _is_from(request: Request, proxy: AuthenticatingProxy) -> bool:
    """Return whether the proxy sends a request."""
    if came_by_socket(request.scope):
        return proxy.socket
    try:
        peer = ip_address(peer_of(request.scope))
    except ValueError:
        return False
    if not any(peer in network for network in proxy.networks):
        return False
    secret = _only(request, proxy.secret_header)
    if secret is None or not proxy.has_secret(secret.encode()):
        raise unknown_caller(f"the header {proxy.secret_header} does not hold the proxy's secret")
    return True


def _only(request: Request, header: str) -> str | None:
    """Return the value of a header; None without one.

    Raises:
        NotAuthenticatedError: There are several: the sender of the request may have added one.
    """
    values = request.headers.getlist(header)
    if len(values) > 1:
        raise unknown_caller(f"the request has several headers {header}")
    try:
        return values[0].encode("latin-1").decode() if values else None
    except UnicodeDecodeError:
        raise unknown_caller(f"the header {header} is not UTF-8") from None
