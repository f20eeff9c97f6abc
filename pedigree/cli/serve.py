"""``pedigree serve``: the registry over HTTP."""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond
from pedigree.distribution import requirement
from pedigree.errors import MissingDependencyError

_LOG = logging.getLogger(__name__)


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("serve", rich_help_panel="Operate")(serve)


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")
    ] = 8080,
    socket: Annotated[
        Path | None,
        typer.Option("--socket", help="A Unix socket to listen on, too, for a proxy."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="The number of processes.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Serve the REST API until interrupted.

    Until a token exists, it listens on the loopback interface only.
    """
    for module in ("fastapi", "prometheus_client", "uvicorn"):
        if find_spec(module) is None:
            raise MissingDependencyError(
                f"`pedigree serve` needs the package {module}, which is not installed",
                remedy=f"Install {requirement('server')}",
            )
    from pedigree.server import workers as _workers

    with _workers.prepared(workers):
        _serve(host, port, socket, workers, as_json)


def _serve(host: str, port: int, path: Path | None, workers: int, as_json: bool) -> None:
    from logging.config import dictConfig

    from pedigree.logs import log_config
    from pedigree.registry import Registry
    from pedigree.server import serve as service
    from pedigree.server.listening import listen, listen_on_path

    # Connecting reports a wrong URL or an old schema now, and keeps an embedded Postgres running.
    with Registry.connect() as registry:
        is_open = service.require_guarded(registry, host)
        sockets = listen(host, port)
        if path is not None:
            sockets.append(listen_on_path(path))
        config = log_config(registry.settings)
        dictConfig(config)
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        _LOG.info("serving %s/docs", url, extra={"action": "serve.started"})
        if is_open:
            _LOG.warning(
                "there is no token yet: every user of this machine may do everything;"
                " `pedigree token create` ends that",
                extra={"action": "serve.open"},
            )
        respond({"url": url, "open": is_open}, as_json, lambda: None)
        service.serve(sockets, workers, is_open=is_open, log_config=config)
