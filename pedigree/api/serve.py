"""Run the application by uvicorn, and see that it is open to nobody by mistake."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from pedigree.api._guard import is_loopback
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry

_APP = "pedigree.api.app:create_app"
# What is under way when it is told to stop is finished, unless it takes longer than this.
_GRACE_S = 20


def require_guarded(registry: Registry, host: str) -> bool:
    """Say whether the service lets in who has no token: while there is none, on loopback alone.

    Raises:
        InvalidInputError: There is no token, and others could reach the host.
    """
    if registry.has_tokens():
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
    os.environ["PEDIGREE_SERVE_OPEN"] = str(is_open and is_loopback(host)).lower()
    with _counting_together(workers):
        uvicorn.run(
            _APP,
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
            log_config=log_config,
            log_level="warning",
        )


@contextmanager
def _counting_together(workers: int) -> Iterator[None]:
    """Give several workers a folder in which each counts for all, also behind its end."""
    if workers == 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="pedigree-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield
