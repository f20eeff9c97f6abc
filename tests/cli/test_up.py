"""`pedigree up` and `down` with real Dagster servers: they are restarted, and stop together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from pedigree.errors import RefusedError
from pedigree.home_lock import hold, running
from tests.artifacts.servers.waiting import free_ports
from tests.cli.conftest import Cli

T = TypeVar("T")

# Without a timeout of its own it runs after the tests that share the servers of tests/integration.
pytestmark = [pytest.mark.system, pytest.mark.xdist_group("up")]
# How soon they are back is measured by benchmarks/comeback.py (two seconds, on a quiet machine).
COMEBACK_S = 30.0
LOCATIONS = """
{workspaceOrError {... on Workspace {locationEntries {name locationOrLoadError {__typename}}}}}
"""


def eventually(look: Callable[[], T | None], seconds: float) -> T:
    """Poll until there is a result; fail after a number of seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"nothing within {seconds} s")


def graphql(url: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{url}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def child(pid: int, word: str) -> psutil.Process | None:
    """The process that this one keeps, known by a word of its command."""
    for process in psutil.Process(pid).children():
        try:
            if word in " ".join(process.cmdline()):
                return process
        except psutil.NoSuchProcess:
            continue
    return None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A registry with an embedded server of its own, served from an empty folder."""
    folder = tmp_path_factory.mktemp("up")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PEDIGREE_")},
        "PEDIGREE_HOME": str(folder / "home"),
    }

    def pedigree(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("pedigree"), *map(str, words)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    up = pedigree("up", "--detach", "--port", free_ports(1)[0], "--json")
    assert up.returncode == 0, up.stderr + (folder / "home" / "up.log").read_text()
    yield {**json.loads(up.stdout), "pedigree": pedigree, "home": folder / "home"}
    down = pedigree("down", "--json")
    assert down.returncode == 0, down.stderr
    assert json.loads(down.stdout) == {
        "home": str(folder / "home"),
        "server": True,
        "postgres": True,
    }


def test_it_says_what_it_loads_and_where_it_answers(served: dict[str, Any]) -> None:
    assert "only the registry" in served["loads"]
    entries = graphql(served["url"], LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert [(entry["name"], entry["locationOrLoadError"]["__typename"]) for entry in entries] == [
        ("pedigree", "RepositoryLocation")
    ]
    status = json.loads(served["pedigree"]("status", "--json").stdout)
    assert status["server"] == {"up": True, "url": served["url"]}
    assert status["database"]["state"] == "running"


def test_a_second_one_on_the_same_home_is_refused(served: dict[str, Any]) -> None:
    again = served["pedigree"]("up", "--port", free_ports(1)[0], "--json")
    assert again.returncode == 2
    error = json.loads(again.stderr)["error"]
    assert served["url"] in error["message"]
    assert "pedigree down" in error["remedy"]


# What a killed daemon and a killed Postgres do is seen by tests/integration/test_kills.py.
def test_a_killed_web_server_restarts(served: dict[str, Any]) -> None:
    word = "dagster_webserver"
    before = child(served["pid"], word)
    assert before is not None
    before.kill()
    eventually(
        lambda: (found := child(served["pid"], word)) and found.pid != before.pid, COMEBACK_S
    )
    eventually(lambda: answers(served["url"]), COMEBACK_S)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_busy_port_is_named_with_another_one_that_is_free(cli: Cli) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        answer = cli("up", "--port", port, "--json")
    assert answer.code == 2
    assert answer.error["field"] == "--port"
    assert answer.error["value"] == str(port)
    assert "--port" in answer.error["remedy"]


def test_down_without_up_says_so(cli: Cli) -> None:
    assert "Nothing was running" in cli("down").out


def test_one_process_holds_a_home_and_readers_see_it(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with hold(tmp_path):
        assert running(tmp_path) is not None
        with pytest.raises(RefusedError), hold(tmp_path):
            pass
    assert running(tmp_path) is None


def test_code_that_does_not_load_is_reported_with_the_url(home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise ValueError('no such table')")
    words = ["up", "--port", str(free_ports(1)[0]), "--python-file", str(broken)]
    with subprocess.Popen(
        [Path(sys.executable).with_name("pedigree"), *words],
        cwd=tmp_path,
        env={**os.environ, "PEDIGREE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
            _, output = process.communicate()
    assert first.startswith("Pedigree is up at http://127.0.0.1:")
    assert "pedigree: the code location broken did not load" in output
    assert "no such table" in output
    assert process.returncode == 0
