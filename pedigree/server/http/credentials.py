"""What a request says of its sender: the token in its head, and whether this machine sent it."""

import base64
from urllib.parse import urlsplit

from fastapi import Request

from pedigree.access import tokens
from pedigree.errors import NotAuthenticatedError
from pedigree.server.http.loopback import is_loopback


def is_local(request: Request) -> bool:
    """Return whether this machine sends the request, and not another host's page in its browser."""
    client = request.client
    if client is not None and not is_loopback(client.host):
        return False
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    # A user in front of the host is no host of a request; readers differ about what it is.
    hosts = [None if "@" in host else urlsplit(f"//{host}").hostname]
    hosts += [urlsplit(origin).hostname] if origin else []
    return all(each is not None and is_loopback(each) for each in hosts)


def secret_of(request: Request) -> str | None:
    """Return the token of a request; None without one.

    Raises:
        NotAuthenticatedError: The header Authorization has no bearer token.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unknown_caller(f"the header Authorization holds no Bearer {tokens.PREFIX}…")
    return secret.strip()


def secret_or_password_of(request: Request) -> str | None:
    """Return the token of a request: that of ``Bearer``, or the password of ``Basic``.

    Clients of other protocols can often send nothing else. The name before the password says
    nothing: a token knows its principal.

    Raises:
        NotAuthenticatedError: The header Authorization has neither.
    """
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return secret_of(request)
    try:
        _, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # no base64, or no text
        password = ""
    if not password:
        raise unknown_caller("the header Authorization holds no password")
    return password


def unknown_caller(message: str) -> NotAuthenticatedError:
    """Return the error of a caller that the service does not know."""
    return NotAuthenticatedError(
        message,
        field="Authorization",
        remedy=f"Send `Authorization: Bearer {tokens.PREFIX}…`; `pedigree token create` makes one",
    )
