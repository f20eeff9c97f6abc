"""Requests through a proxy: the client's address, and the prefix of the service's paths."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from pydantic import TypeAdapter, ValidationError
from starlette.types import Scope

from pedigree._setting_lists import Networks, PathPrefix
from pedigree.server.http.loopback import is_loopback
from pedigree.settings import Settings

_PREFIX = TypeAdapter[str](PathPrefix)
_KEY = "pedigree.prefix"
_PEER = "pedigree.peer"


class Proxies:
    """Which proxies are trusted, and the prefix that they serve the application under."""

    def __init__(self) -> None:
        self._trusted: Networks = ()
        self._prefix = ""

    def configure(self, settings: Settings) -> None:
        """Take the trusted networks and the prefix from the settings."""
        self._trusted = settings.serve_proxies
        self._prefix = settings.serve_prefix or ""

    def resolve(self, scope: Scope) -> Scope:
        """Return the scope of a request with its client, its prefix, and its path below the prefix.

        A proxy may remove the prefix from the path, or leave it. What an untrusted client states
        has no effect. Only about the client, a proxy on this machine is believed without a setting:
        it can only say that a request is from elsewhere.
        """
        client = scope.get("client")
        host = client[0] if client else ""
        is_trusted = self._trusts(host)
        if is_trusted or is_loopback(host):
            scope = {**scope, "client": self._client_of(scope), _PEER: host}
        return _below(scope, (is_trusted and _forwarded_prefix(scope)) or self._prefix)

    def came_by_tls(self, scope: Scope) -> bool:
        """Return whether a request came over TLS, to the service or to a proxy that it believes."""
        peer = peer_of(scope)
        if not self._trusts(peer) and not is_loopback(peer):
            return bool(scope.get("scheme") == "https")
        given = [*_values(scope, b"x-forwarded-proto")]
        return given == ["https"] or (not given and scope.get("scheme") == "https")

    def _client_of(self, scope: Scope) -> tuple[str, int]:
        """Return the last address that no trusted proxy has: that of the client."""
        client: tuple[str, int] = scope["client"]
        given = [*_values(scope, b"x-forwarded-for")]
        if not given:
            return client
        hops = ",".join(given).split(",")
        for hop in reversed([each.strip() for each in hops]):
            if _address(hop) is None:
                break
            client = (hop, 0)
            if not self._trusts(hop) and not is_loopback(hop):
                break
        return client

    def _trusts(self, host: str) -> bool:
        address = _address(host) if self._trusted else None
        return address is not None and any(address in network for network in self._trusted)


def peer_of(scope: Scope) -> str:
    """Return the address that the connection comes from, whatever a proxy says of its client."""
    client = scope.get("client")
    return str(scope.get(_PEER, client[0] if client else ""))


def came_by_socket(scope: Scope) -> bool:
    """Return whether the request came by a Unix socket.

    The server knows its own end of a connection, also after the other end is gone.
    """
    server = scope.get("server")
    return server is not None and server[1] is None


def public_path(scope: Scope, path: str) -> str:
    """Return the path by which the caller reaches a path of the service."""
    return f"{scope.get(_KEY, '')}{path}"


def _below(scope: Scope, prefix: str) -> Scope:
    if not prefix:
        return scope
    below = {**scope, _KEY: prefix}
    if scope["path"].startswith(f"{prefix}/"):
        below["path"] = scope["path"].removeprefix(prefix)
        below["raw_path"] = (scope.get("raw_path") or b"").removeprefix(prefix.encode())
    return below


def _forwarded_prefix(scope: Scope) -> str | None:
    given = [*_values(scope, b"x-forwarded-prefix")]
    try:
        # A second header may be one that the proxy received and passed on.
        return _PREFIX.validate_python(given[0].rstrip("/")) if len(given) == 1 else None
    except ValidationError:
        return None


def _values(scope: Scope, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for given, value in scope["headers"] if given == name)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
