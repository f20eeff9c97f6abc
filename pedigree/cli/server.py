"""``pedigree up | down``: Dagster's UI and daemon over the registry's instance, on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond
from pedigree.distribution import requirement
from pedigree.errors import MissingDependencyError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from pedigree.home_lock import Running

_START_S = 240.0
_STOP_S = 40.0


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("up", rich_help_panel="Operate")(up)
    app.command("down", rich_help_panel="Operate")(down)


def up(
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="A Dagster workspace file.", show_default=False),
    ] = None,
    python_file: Annotated[
        Path | None,
        typer.Option("--python-file", "-f", help="A file with Definitions.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The UI's port.")] = 3000,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when it is up; stop it with `down`.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Serve the Dagster UI and run the daemon.

    A part that dies is restarted.
    It loads what -w or -f names, else the folder's workspace.yaml or dg project, else the registry.
    """
    from pedigree.cli.up.locations import find
    from pedigree.cli.up.supervisor import require_free_port, serve
    from pedigree.home_lock import hold, refuse_if_running
    from pedigree.registry import Registry
    from pedigree.settings import Settings

    _require_dagster()
    loads = find(workspace, Path.cwd(), python_file)
    settings = Settings()
    home = settings.home_folder
    refuse_if_running(home)
    require_free_port(port)
    # Connecting reports a wrong URL or an old schema now instead of in a server's log, and keeps
    # the embedded Postgres running.
    with Registry.connect(settings=settings):
        if detach:
            sources = {"--workspace": workspace, "--python-file": python_file}
            _announce(_detached(home, sources, port), as_json)
            return
        with hold(home) as held:
            print(f"Loading {loads.why} …", file=sys.stderr)
            serve(loads, port, _instance_folder(home), held, lambda up: _announce(up, as_json))


def _require_dagster() -> None:
    for module in ("dagster_webserver", "dagster_postgres"):
        if find_spec(module) is None:
            raise MissingDependencyError(
                f"`pedigree up` needs the package {module.replace('_', '-')},"
                " which is not installed",
                remedy=f"Install {requirement('dagster')} and dagster-webserver,"
                f" or {requirement('demo')}",
            )


def _instance_folder(home: Path) -> Path:
    """Return the folder of the instance's dagster.yaml: Dagster's own, else the packaged one."""
    if named := os.environ.get("DAGSTER_HOME"):
        return Path(named).absolute()
    if Path("dagster.yaml").is_file():
        return Path.cwd()
    from importlib.resources import files

    from pedigree.home_lock import usable

    folder = home / "dagster"
    text = files("pedigree.cli.up").joinpath("dagster.yaml").read_text(encoding="utf-8")
    with usable(home):
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "dagster.yaml").write_text(text, encoding="utf-8")
    return folder


def _detached(home: Path, sources: dict[str, Path | None], port: int) -> "Running":
    from pedigree.home_lock import running, usable

    words = ["up", "--port", str(port)]
    for option, source in sources.items():
        words += [option, str(source)] if source is not None else []
    log = home / "up.log"
    with usable(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = log.open("wb")
    with file:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", "from pedigree.cli.main import main; main()", *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and child.poll() is None:
        state = running(home)
        if state and state.ready and state.pid == child.pid:
            return state
        time.sleep(0.2)
    last = " · ".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:])
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    raise UnavailableError(f"it did not start: {last}", remedy=f"Read {log}")


def _announce(state: "Running", as_json: bool) -> None:
    from dataclasses import asdict

    def view() -> Iterator[object]:
        yield Text.from_markup(f"Pedigree is up at [bold]{state.url}[/] (process {state.pid})")
        yield f"It loads {state.loads}."

    respond(asdict(state), as_json, view)
    sys.stdout.flush()


def down(as_json: JsonFlag = False) -> None:
    """Stop the servers of `up`, and the embedded Postgres."""
    from pedigree.home_lock import running
    from pedigree.settings import Settings

    settings = Settings()
    home = settings.home_folder
    server = running(home)
    if server:
        _terminate(server)
        _wait_until_gone(home, server.pid)
    stopped_postgres = settings.database_url is None and _stop_postgres(home)
    answer = {"home": str(home), "server": server is not None, "postgres": stopped_postgres}

    def view() -> object:
        parts = [
            name
            for name, stopped in (
                ("the servers", server),
                ("the embedded Postgres", stopped_postgres),
            )
            if stopped
        ]
        return f"Stopped {' and '.join(parts)}." if parts else "Nothing was running."

    respond(answer, as_json, view)


def _terminate(server: "Running") -> None:
    if not server.pid:
        raise UnavailableError(
            "a server is starting, and its process is not known yet",
            remedy="Run `pedigree down` again in a second",
        )
    try:
        os.kill(server.pid, signal.SIGTERM)
    except ProcessLookupError:
        return  # it ended by itself
    except PermissionError as error:
        raise RefusedError(
            f"process {server.pid} belongs to another user",
            remedy="Let that user run `pedigree down`, or set PEDIGREE_HOME to another folder",
        ) from error


def _wait_until_gone(home: Path, pid: int) -> None:
    from pedigree.home_lock import running

    deadline = time.monotonic() + _STOP_S
    while (state := running(home)) and state.pid == pid:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"process {pid} did not stop within {_STOP_S:.0f} s",
                remedy=f"Kill it: kill -9 {pid}",
            )
        time.sleep(0.1)


def _stop_postgres(home: Path) -> bool:
    from pedigree.postgres.embedded import EmbeddedPostgres

    return EmbeddedPostgres(home).stop()
