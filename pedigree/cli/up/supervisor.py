"""The supervisor of ``pedigree up``: keeps code servers, web server and daemon alive.

Each code location has its own server. So a killed daemon ends no run, and restarts without
importing a pipeline.
"""

import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pedigree.cli.up.locations import CodeLocation, Loads
from pedigree.cli.up.processes import Process, stop_all
from pedigree.errors import InvalidInputError
from pedigree.home_lock import HomeLock, Running

HOST = "127.0.0.1"
SETTLE_VARIABLE = "DAGSTER_AUTOMATION_TICK_SETTLE_SECONDS"
_SETTLE_S = "2"  # storing takes milliseconds, and on a busy machine up to a second
_TICK_S = 0.2
_LOAD_S = 120.0  # a code location may import half of PyPI


def require_free_port(port: int) -> None:
    """Make sure that the web server will get its port.

    Raises:
        InvalidInputError: Something else listens on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InvalidInputError(
                f"cannot be used: {error.strerror}",
                field="--port",
                value=port,
                remedy=f"Stop what listens on it, or choose another: --port {_free_port()}",
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def dagster_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of Dagster's processes; a delay that the user set remains.

    Dagster stores an event and the record of its asset in two transactions. A tick of an
    automation condition sensor between the two counts the event as seen without finding it, and
    the assets that follow a stage miss a promotion. With a delay, a tick chooses its last event,
    waits, and evaluates only then.
    """
    return {SETTLE_VARIABLE: _SETTLE_S, **environment, "DAGSTER_DISABLE_TELEMETRY": "yes"}


def serve(
    loads: Loads, port: int, dagster_home: Path, held: HomeLock, on_ready: Callable[[Running], None]
) -> None:
    """Run everything until SIGINT or SIGTERM.

    Args:
        loads: The code locations.
        port: Where the web server listens.
        dagster_home: The folder of the instance's ``dagster.yaml``.
        held: The lock on the home folder, which publishes the progress.
        on_ready: Called once, when the UI answers and the code is loaded.
    """
    url = f"http://{HOST}:{port}"
    state = Running(pid=os.getpid(), url=url, loads=loads.why, ready=False)
    held.tell(state)
    environment = {**dagster_environment(os.environ), "DAGSTER_HOME": str(dagster_home)}
    with _stop_signals() as stopped, tempfile.TemporaryDirectory(prefix="pedigree-") as sockets:
        code_servers = [
            Process(f"code server {location.name}", _code_server(location, path), environment)
            for location, path in _sockets(loads, Path(sockets))
        ]
        workspace = _write_workspace(loads, Path(sockets))
        hosts = [
            Process("web server", _web_server(workspace, port), environment),
            Process("daemon", _daemon(workspace), environment),
        ]
        processes = [*code_servers, *hosts]
        try:
            _tend(code_servers, lambda: _all_listen(loads, Path(sockets)), stopped, _LOAD_S)
            _tend(processes, lambda: _answers(url), stopped, _LOAD_S)
            if not stopped.is_set():
                _tell_what_did_not_load(url)
                ready = Running(pid=state.pid, url=url, loads=loads.why, ready=True)
                held.tell(ready)
                on_ready(ready)
            _tend(processes, lambda: False, stopped)
        finally:
            stop_all(list(reversed(processes)))


def _tend(
    processes: list[Process],
    enough: Callable[[], bool],
    stopped: threading.Event,
    seconds: float = float("inf"),
) -> None:
    deadline = time.monotonic() + seconds
    while not stopped.is_set() and time.monotonic() < deadline:
        for process in processes:
            process.tend(_say)
        if enough():
            return
        stopped.wait(_TICK_S)


def _say(text: str) -> None:
    print(f"pedigree: {text}", file=sys.stderr, flush=True)


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    # Setting a handler also undoes nohup's "ignore SIGINT". Children would inherit it, and the
    # servers of Dagster would never stop.
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sockets(loads: Loads, folder: Path) -> list[tuple[CodeLocation, Path]]:
    return [(location, folder / f"{i}.sock") for i, location in enumerate(loads.locations)]


# -P keeps the working folder off the module path: a gql.py of the user would break the web server.
def _code_server(location: CodeLocation, path: Path) -> list[str]:
    return [
        *(location.python, "-P", "-m", "dagster", "code-server", "start"),
        *("--socket", str(path), "--location-name", location.name, "--log-level", "warning"),
        "--use-python-environment-entry-point",
        *("--working-directory", str(location.working_directory), *location.target),
    ]


def _web_server(workspace: Path, port: int) -> list[str]:
    return [
        *(sys.executable, "-P", "-m", "dagster_webserver", "--workspace", str(workspace)),
        *("--host", HOST, "--port", str(port), "--dagster-log-level", "warning"),
    ]


def _daemon(workspace: Path) -> list[str]:
    return [
        *(sys.executable, "-P", "-m", "dagster._daemon", "run"),
        *("--workspace", str(workspace), "--log-level", "warning"),
    ]


def _write_workspace(loads: Loads, folder: Path) -> Path:
    entries: list[object] = [
        {"grpc_server": {"socket": str(path), "location_name": location.name}}
        for location, path in _sockets(loads, folder)
    ]
    # JSON is YAML; entries that are served elsewhere are copied unchanged.
    file = folder / "workspace.yaml"
    file.write_text(json.dumps({"load_from": [*entries, *loads.elsewhere]}), encoding="utf-8")
    return file


def _all_listen(loads: Loads, folder: Path) -> bool:
    return all(_listens(path) for _, path in _sockets(loads, folder))


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


_LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError { ... on PythonError { message } } } } } }"""


def _tell_what_did_not_load(url: str) -> None:
    # Without this, code that does not load looks like an empty graph.
    body = json.dumps({"query": _LOCATIONS}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/graphql", body, headers)  # noqa: S310 (http, ours)
    try:
        with urllib.request.urlopen(request, timeout=_LOAD_S) as answer:  # noqa: S310
            entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # the UI shows it too
    for entry in entries:
        if message := (entry["locationOrLoadError"] or {}).get("message"):
            _say(f"the code location {entry['name']} did not load: {message.strip()}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5) as answer:  # noqa: S310 (http, ours)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
