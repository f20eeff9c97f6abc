"""Run the application with uvicorn, and refuse to expose it without a token."""

import os
import socket
import sys
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import uvicorn

from pedigree.access.oidc.provider_file import read_providers
from pedigree.errors import InvalidInputError
from pedigree.postgres.database import DEFAULT_SEARCHES
from pedigree.registry import Registry
from pedigree.server import workers as _workers
from pedigree.server.http.loopback import is_loopback
from pedigree.server.protocol import LimitedProtocol

if TYPE_CHECKING:
    from fastapi import FastAPI

PROTOCOL: Mapping[str, Any] = MappingProxyType(
    {
        "http": LimitedProtocol,
        "ws": "none",
        "server_header": False,
        "log_level": "warning",
        # The application itself decides which proxies it trusts, see http/proxies.py.
        "proxy_headers": False,
    }
)
"""The options of uvicorn that decide how it speaks HTTP, and with whom."""

# Requests in progress at a stop are finished, unless they take longer than this.
_GRACE_S = 20


_ANY_HOST = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 -- what is refused with a proxy


def require_guarded(registry: Registry, host: str) -> bool:
    """Return whether callers without a token are accepted: only on loopback, while none exists.

    With OIDC providers nobody is accepted without a token.

    Raises:
        InvalidInputError: No token exists, and other machines could reach the host; or a proxy's
            header is believed from networks, and the host is every address of this machine.
        InvalidProviderError: The file of providers has a mistake.
    """
    if registry.settings.oidc is not None:
        proxy = read_providers(registry.settings.oidc).proxy
        if proxy is not None and proxy.networks and host in _ANY_HOST:
            raise InvalidInputError(
                "a proxy's header is believed, so the service does not listen on every address",
                field="--host",
                value=host,
                remedy="Serve on the address that the proxy reaches",
            )
        return False
    if registry.operations.tokens.has_tokens():
        return False
    if not is_loopback(host):
        raise InvalidInputError(
            "no token exists yet, so the service would be open to everyone who reaches this host",
            field="--host",
            value=host,
            remedy="Create a token with `pedigree token create`, or serve on 127.0.0.1",
        )
    return True


def serve(
    sockets: list[socket.socket],
    workers: int,
    *,
    is_open: bool,
    log_config: dict[str, Any],
) -> None:
    """Serve until a signal arrives; each worker is a process with its own connections.

    Args:
        sockets: Where it listens.
        workers: The number of workers.
        is_open: Accept callers without a token while none exists.
        log_config: The configuration of the workers' logs.
    """
    make_app = partial(_make_app, is_open=is_open, searches=searches_of_each(workers))
    config = uvicorn.Config(
        make_app,
        factory=True,
        workers=workers,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
        log_config=log_config,
        **PROTOCOL,
    )
    if workers == 1:
        uvicorn.Server(config).run(sockets)
    else:
        _workers.run(config, sockets)


def searches_of_each(workers: int, processors: int | None = None) -> int:
    """Return how many searches each worker runs at once, unless a setting says otherwise.

    A search that reads many versions keeps a processor busy. More of them than processors would
    delay the reads of all workers.

    Args:
        workers: The number of workers.
        processors: The number of processors; those that this process may use when None.

    >>> searches_of_each(2, processors=2), searches_of_each(1, processors=8)
    (1, 2)
    """
    return min(DEFAULT_SEARCHES, max(1, (processors or _processors()) // workers))


def _processors() -> int:
    """Return the number of processors that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _make_app(*, is_open: bool, searches: int) -> "FastAPI":
    # Imported only by workers: the supervisor does not need it.
    from pedigree.server.app import create_app  # noqa: PLC0415

    os.environ["PEDIGREE_SERVE_OPEN"] = str(is_open).lower()
    os.environ.setdefault("PEDIGREE_SEARCH_CONNECTIONS", str(searches))
    return create_app()
