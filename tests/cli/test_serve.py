"""``pedigree serve``: it listens on the given address, and is never open by mistake."""

import hashlib
import json
import os
import signal
import socket
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
from tests.server.raw import answer, connected, request, send


def test_without_a_token_it_is_not_open_to_others(cli: Cli) -> None:
    refused = cli("serve", "--host", "0.0.0.0")
    assert refused.code == 2
    assert "pedigree token create" in refused.err


def test_a_port_in_use_is_an_error_of_its_own_before_anything_is_served(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = cli("serve", "--port", port)
        assert refused.code == 2
        assert f"--port: another process listens on this port (got {port})" in refused.err
        assert "serving" not in refused.err
        assert "Traceback" not in refused.err


def test_a_host_of_another_machine_is_an_error_of_its_own(cli: Cli) -> None:
    cli("token", "create", "somebody", "--role", "reader")
    for host in ("192.0.2.1", "nowhere.invalid"):
        refused = cli("serve", "--host", host)
        assert refused.code == 2
        assert "--host: " in refused.err
        assert host in refused.err
        assert "Traceback" not in refused.err


@pytest.mark.system
def test_a_port_belongs_to_one_service_until_its_workers_have_ended(
    served: subprocess.Popen[str],
) -> None:
    url = _url_of(served)
    second = subprocess.run(  # the same words, so the same port
        served.args,  # type: ignore[arg-type]
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "another process listens on this port" in second.stderr
    assert "serving" not in second.stderr
    with httpx2.Client(base_url=url, timeout=30) as client:
        assert all(client.get("/livez").is_success for _ in range(8))
    served.kill()  # only the supervisor
    _await(lambda: _is_free(int(url.rpartition(":")[2])))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


CONTENT = os.urandom(2 << 20)


@pytest.mark.system
@pytest.mark.parametrize("workers", [1], indirect=True)
@pytest.mark.parametrize("is_resumed", [True, False], ids=["goes on", "stays away"])
def test_an_upload_that_a_stop_meets_is_finished_or_leaves_nothing(
    served: subprocess.Popen[str], cli: Cli, home: Path, is_resumed: bool
) -> None:
    url = _url_of(served)
    path = _begin_upload(url)
    head = request("PUT", path, f"Content-Length: {len(CONTENT)}")
    half = len(CONTENT) // 2
    with connected(url) as opened:
        assert send(opened, head + CONTENT[:half])
        _await(lambda: any((home / "incoming").glob("*")))
        served.send_signal(signal.SIGTERM)
        _await(lambda: httpx2.get(f"{url}/readyz", timeout=30).status_code == 503)
        if is_resumed:
            assert send(opened, CONTENT[half:])
            assert answer(opened).status == 204
        else:
            assert answer(opened).status == 408
    _, seen = served.communicate(timeout=60)
    assert served.returncode == -signal.SIGTERM, seen
    assert not any((home / "incoming").iterdir())
    assert cli("fsck", "--hashes", "--json").code == 0


def _url_of(served: subprocess.Popen[str]) -> str:
    """The URL of a service that has started, once it answers."""
    assert served.stderr is not None
    started = json.loads(served.stderr.readline())
    url: str = started["message"].removeprefix("serving ").removesuffix("/docs")
    assert httpx2.get(f"{url}/readyz", timeout=30).json()["ready"]
    return url


def _begin_upload(url: str) -> str:
    """Begin the upload of the content, and return the path that takes it."""
    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    files = [{"size": len(CONTENT), "digest": digest}]
    with httpx2.Client(base_url=f"{url}/api/v1", timeout=30) as client:
        assert client.post("/models", json={"name": "churn"}).status_code == 201
        begun = client.post("/models/churn/uploads", json={"files": files}).json()
    return f"/api/v1/models/churn/uploads/{begun['upload_id']}/files/{digest}"


@pytest.fixture
def workers(request: pytest.FixtureRequest) -> int:
    """How many workers the service has."""
    number: int = getattr(request, "param", 2)
    return number


@pytest.fixture
def served(registry_of_this_test: None, workers: int) -> Iterator[subprocess.Popen[str]]:
    """A service, of which each worker still answers for three seconds after SIGTERM."""
    environment = {**os.environ, "PEDIGREE_SERVE_DRAIN": "3s"}
    (port,) = free_ports(1)
    words = ["serve", "--workers", str(workers), "--port", str(port), "--json"]
    command = [Path(sys.executable).with_name("pedigree"), *words]
    served = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    with served:
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
    with httpx2.Client(base_url=url, timeout=30) as client:
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
    out, seen = served.communicate(timeout=60)
    assert served.returncode == 0
    assert json.loads(out) == {"url": url, "open": True}
    lines = [json.loads(line) for line in seen.splitlines()]
    assert {line["action"] for line in lines} >= {"request.answered", "serve.draining"}


def _ask_both_workers(url: str) -> int:
    """Ask on new connections until another one answers than the first; return how often."""
    asked, seen = 0, set()
    while len(seen) < 2:
        with httpx2.Client(base_url=url, timeout=30) as client:
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
