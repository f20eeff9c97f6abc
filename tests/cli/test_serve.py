"""``pedigree serve``: it listens where it is told, and to nobody by mistake."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.cli.conftest import Cli


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_a_token_it_is_not_open_to_others(cli: Cli) -> None:
    answer = cli("serve", "--host", "0.0.0.0", "--json")
    assert answer.code == 2
    assert "pedigree token create" in cli("serve", "--host", "0.0.0.0").err


def test_it_serves_by_several_processes_until_it_is_told_to_stop(
    registry_of_this_test: None,
) -> None:
    port = free_port()
    command = [Path(sys.executable).with_name("pedigree"), "serve", "--workers", "2"]
    served = subprocess.Popen(
        [*command, "--port", str(port)], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert served.stderr is not None
        assert f"http://127.0.0.1:{port}/docs" in served.stderr.readline()
        assert "no token yet" in served.stderr.readline()
        transport = httpx.HTTPTransport(retries=10)
        with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}") as client:
            assert client.get("/readyz").json()["ready"]
            made = client.post("/api/v1/models", json={"name": "churn"})
            assert made.json()["created_by"] == "tester"
    finally:
        served.send_signal(signal.SIGTERM)
        served.communicate(timeout=60)
    assert served.returncode == 0
