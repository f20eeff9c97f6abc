"""Run the application by uvicorn, and see that it is open to nobody by mistake."""

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from pedigree.server import workers as _workers
from pedigree.server.http.loopback import is_loopback

if TYPE_CHECKING:
    from fastapi import FastAPI

# What is under way when it is told to stop is finished, unless it takes longer than this.
_GRACE_S = 20


def require_guarded(registry: Registry, host: str) -> bool:
    """Say whether the service lets in who has no token: while there is none, on loopback alone.

    Raises:
        InvalidInputError: There is no token, and others could reach the host.
    """
    if registry.operations.tokens.has_tokens():
        return False
    if not is_loopback(host):
        raise InvalidInputError(
            "there is no token yet, so the service would be open to all who reach this host",
            field="--host",
            value=host,
            remedy="Make a token by `pedigree token create`, or serve on 127.0.0.1",
        )
    return True


def serve(host: str, port: int, workers: int, *, is_open: bool, log_config: dict[str, Any]) -> None:
    """Serve until a signal comes; each worker is a process that connects by itself."""
    make_app = partial(_make_app, is_open=is_open and is_loopback(host))
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": _GRACE_S,
        "log_config": log_config,
        "log_level": "warning",
    }
    if workers == 1:
        uvicorn.run(make_app, factory=True, **options)
    else:
        _workers.run(workers, make_app, **options)


def _make_app(*, is_open: bool) -> "FastAPI":
    # Imported by those alone who answer: who only watches them has no use for it.
    from pedigree.server.app import create_app  # noqa: PLC0415

    os.environ["PEDIGREE_SERVE_OPEN"] = str(is_open).lower()
    return create_app()
