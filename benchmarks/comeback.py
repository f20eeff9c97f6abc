"""The recovery time of ``pedigree up`` after ``kill -9`` of each of its parts.

It serves a new registry from an empty folder. The web server has recovered when it responds; the
daemon when its heartbeat is newer than its death; Postgres, and its supervisor, when the UI can
read from it again.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks._report import Measured, report
from benchmarks._servers import free_port

_TARGET_S = 5.0
_GIVE_UP_S = 60.0
_HEARTBEATS = "{instance {daemonHealth {allDaemonStatuses {lastHeartbeatTime}}}}"
_RUNS = "{runsOrError(limit: 1) {__typename}}"


def main() -> int:
    """Measure and report; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PEDIGREE_")}
        environment["PEDIGREE_HOME"] = str(Path(folder) / "home")
        up = _pedigree(["up", "--detach", "--port", str(free_port()), "--json"], environment)
        try:
            figures = _measure(json.loads(up), Path(folder) / "home")
        finally:
            _pedigree(["down"], environment)
    return report(figures, sys.argv[1:])


def _measure(served: dict[str, str], home: Path) -> list[Measured]:
    url, keeper = served["url"], int(served["pid"])
    postgres = home / "postgres"
    server = _postmaster(postgres)
    # Sessions of a killed server may still respond, so only a new server counts.
    first = _killed("Postgres", server, lambda _: _new_server(postgres, server, url))
    server, supervisor = _postmaster(postgres), int((postgres / "supervisor.lock").read_text())
    return [
        _killed("web server", _child(keeper, "dagster_webserver"), lambda _: _reads_runs(url)),
        _killed("daemon", _child(keeper, "dagster._daemon"), lambda at: _heartbeat(url) > at),
        first,
        _killed("Postgres's supervisor", supervisor, lambda _: _new_server(postgres, server, url)),
    ]


def _killed(what: str, pid: int, is_back: Callable[[float], bool]) -> Measured:
    killed_at = time.time()
    psutil.Process(pid).kill()
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    while not is_back(killed_at):
        if time.time() - killed_at > _GIVE_UP_S:
            break
        time.sleep(0.05)
    seconds = time.time() - killed_at
    what = f"kill -9 of the {what} until recovery"
    return Measured(what=what, value=seconds, unit="s", target=_TARGET_S, at_least=False)


def _child(keeper: int, word: str) -> int:
    children = psutil.Process(keeper).children()
    return next(int(child.pid) for child in children if word in " ".join(child.cmdline()))


def _postmaster(postgres: Path) -> int:
    try:
        return int((postgres / "data" / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return 0


def _new_server(postgres: Path, before: int, url: str) -> bool:
    return _reads_runs(url) and _postmaster(postgres) not in (0, before)


def _reads_runs(url: str) -> bool:
    # A database error is a response of another type, not a failed request.
    return _ask(url, _RUNS).get("data") == {"runsOrError": {"__typename": "Runs"}}


def _heartbeat(url: str) -> float:
    answer = _ask(url, _HEARTBEATS)
    try:
        statuses = answer["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]  # type: ignore[index]  # GraphQL's answer
    except (KeyError, TypeError):
        return 0.0
    return max(status["lastHeartbeatTime"] or 0.0 for status in statuses)


def _ask(url: str, query: str) -> dict[str, object]:
    body = json.dumps({"query": query}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/graphql", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=_GIVE_UP_S) as answer:
            found: dict[str, object] = json.load(answer)
            return found
    except (OSError, ValueError):
        return {}


def _pedigree(words: list[str], environment: dict[str, str]) -> str:
    command = [str(Path(sys.executable).with_name("pedigree")), *words]
    folder = Path(environment["PEDIGREE_HOME"]).parent
    done = subprocess.run(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
