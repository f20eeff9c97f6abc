"""``pedigree serve``: it listens on the given address, and is never open by mistake."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.artifacts.servers.waiting import free_ports
from tests.cli.conftest import Cli


def test_without_a_token_it_is_not_open_to_others(cli: Cli) -> None:
    answer = cli("serve", "--host", "0.0.0.0", "--json")
    assert answer.code == 2
    assert "pedigree token create" in cli("serve", "--host", "0.0.0.0").err


@pytest.fixture
def served(registry_of_this_test: None) -> Iterator[subprocess.Popen[str]]:
    """Two workers, of which each waits a second before it ends."""
    environment = {**os.environ, "PEDIGREE_SERVE_DRAIN": "1s"}
    (port,) = free_ports(1)
    words = ["serve", "--workers", "2", "--port", str(port)]
    command = [Path(sys.executable).with_name("pedigree"), *words]
    served = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    yield served
    served.kill()


@pytest.mark.system
def test_it_serves_with_several_processes_until_it_is_stopped(
    served: subprocess.Popen[str],
) -> None:
    assert served.stderr is not None
    started, opened = (json.loads(served.stderr.readline()) for _ in range(2))
    assert (started["action"], opened["action"]) == ("serve.started", "serve.open")
    url = started["message"].removeprefix("serving ").removesuffix("/docs")
    with httpx2.Client(transport=httpx2.HTTPTransport(retries=10), base_url=url) as client:
        assert client.get("/readyz").json()["ready"]
        made = client.post("/api/v1/models", json={"name": "churn"})
        assert made.json()["created_by"] == "tester"
        asked = _ask_both_workers(url)
        _kill_one_worker(served)
        _await(lambda: _count_livez(url) == asked)
        served.send_signal(signal.SIGTERM)
        _await(lambda: client.get("/readyz").status_code == 503)
        late = client.get("/api/v1/models/churn")
        assert (late.status_code, late.headers["connection"]) == (200, "close")
    _, seen = served.communicate(timeout=60)
    assert served.returncode == 0
    lines = [json.loads(line) for line in seen.splitlines()]
    assert {line["action"] for line in lines} >= {"request.answered", "serve.draining"}


def _ask_both_workers(url: str) -> int:
    """Ask on new connections until another one answers than the first; return how often."""
    asked, seen = 0, set()
    while len(seen) < 2:
        with httpx2.Client(base_url=url) as client:
            asked += client.get("/livez").is_success
            seen.add(client.get("/metrics").headers["x-request-id"][:24])  # its process's part
    return asked


def _count_livez(url: str) -> float:
    try:
        text = httpx2.get(f"{url}/metrics").text
    except httpx2.TransportError:
        return 0.0  # it went to the worker that was killed
    (line,) = [
        each for each in text.splitlines() if 'requests_total{method="GET",route="/livez"' in each
    ]
    return float(line.split()[-1])


def _kill_one_worker(served: subprocess.Popen[str]) -> None:
    (forker,) = (
        each
        for each in psutil.Process(served.pid).children()
        if "forkserver" in str(each.cmdline())
    )
    workers = forker.children()
    assert len(workers) == 2
    workers[0].kill()


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
