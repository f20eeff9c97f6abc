"""Home folders of embedded servers, and real processes that use them."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from pedigree.postgres import EmbeddedPostgres
from tests.fencing import OWNER, TEMPLATE, Fenced, as_user, make_template

GRACE_S = 0.5
CLIENT = Path(__file__).with_name("client.py")


class Client:
    """A process that uses an embedded server."""

    def __init__(self, command: list[str], **options: Any) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    def send(self, statement: str) -> None:
        self.process.stdin.write(statement + "\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        assert line, "the client died"
        return json.loads(line)

    def ask(self, statement: str) -> dict[str, Any]:
        self.send(statement)
        return self.receive()

    def leave(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(20) == 0
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def start_client(fast_settings: dict[str, str]) -> Iterator[Callable[..., Client]]:
    """Start clients of a home folder; clients that still run at the test's end are killed."""
    clients = []

    def start(
        home: Path,
        *,
        database: str = "pedigree",
        grace_s: float = GRACE_S,
        python: tuple[str, ...] = (sys.executable,),
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Client:
        order = {"grace_s": grace_s, "settings": fast_settings, "database": database}
        command = [*python, str(CLIENT), str(home), json.dumps(order)]
        client = Client(command, env={**os.environ, **(environment or {})}, **options)
        clients.append(client)
        return client

    yield start
    for client in clients:
        if client.process.poll() is None:
            client.kill()
        client.process.stdin.close()
        client.process.stdout.close()


@pytest.fixture(scope="session")
def stopped_home(tmp_path_factory: pytest.TempPathFactory, fast_settings: dict[str, str]) -> Path:
    """A home folder whose server was started and stopped: copying it is faster than creation."""
    home = tmp_path_factory.mktemp("stopped") / "home"
    server = EmbeddedPostgres(home, settings=fast_settings)
    server.url("pedigree")
    server.stop()
    return home


@pytest.fixture
def make_server(
    tmp_path: Path, stopped_home: Path, fast_settings: dict[str, str]
) -> Iterator[Callable[..., EmbeddedPostgres]]:
    """Create stopped servers for a test; `fresh=True` for one without data."""
    made = []

    def make(home: Path | None = None, *, fresh: bool = False) -> EmbeddedPostgres:
        place = home or tmp_path / f"home{len(made)}"
        if not fresh:
            shutil.copytree(stopped_home, place, ignore=shutil.ignore_patterns("run", "socket"))
        server = EmbeddedPostgres(place, grace_s=GRACE_S, settings=fast_settings)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop(force=True)


def eventually(condition: Callable[[], Any], within_s: float = 15) -> Any:
    """Poll until a condition holds in other processes, and return its value."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
    return value


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Any]:
    return eventually


def alive(pid: int) -> bool:
    """Return whether a process runs and is not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(name="alive")
def _alive() -> Callable[[int], bool]:
    return alive


@pytest.fixture
def fenced(postgres: EmbeddedPostgres, make_database_url: Callable[..., str], home: Path) -> Fenced:
    """A database with the roles, whose owner is not a superuser."""
    make_template(postgres.url("postgres"))
    url = make_database_url(TEMPLATE)
    return Fenced(as_user(url), as_user(url, OWNER), url, home)
