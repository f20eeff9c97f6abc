"""A real server over HTTP on a real Postgres, started once a module."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import uvicorn

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.registry import Registry
from pedigree.server.app import create_app
from pedigree.server.serve import PROTOCOL
from pedigree.settings import Settings
from tests.databases import Databases

READY_S = 60.0
# The service speaks plain HTTP: a client without it reads all authorities of the system first.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Served:
    """A running service, and the registry behind it."""

    url: str
    registry: Registry
    clients: list[httpx2.Client] = field(default_factory=list)

    def client(self, *roles: Role, models: tuple[str, ...] = (), **headers: str) -> httpx2.Client:
        """Return a client with a token of these roles; without roles, it has no token."""
        if roles:
            principal = f"{'+'.join(roles)}@{uuid4().hex[:8]}"
            # Not by the author of versions, who could not approve by a token of their own.
            operator = self.registry.acting_as(Actor(name="operator", source="test"))
            issued = operator.create_token(principal, roles=roles, models=models)
            headers["Authorization"] = f"Bearer {issued.secret}"
        made = httpx2.Client(
            base_url=f"{self.url}/api/v1", headers=headers, timeout=30, verify=NO_AUTHORITIES
        )
        self.clients.append(made)
        return made


@contextmanager
def serving(settings: Settings) -> Iterator[Served]:
    """Run the application with a real socket, and yield it with its registry."""
    config = uvicorn.Config(create_app(settings), port=0, **PROTOCOL)
    with running(config) as url, Registry.connect(settings=settings) as registry:
        served = Served(url, registry)
        yield served
        for client in served.clients:
            client.close()


@contextmanager
def running(config: uvicorn.Config) -> Iterator[str]:
    """Run a server in a thread, and yield its URL."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + READY_S
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(READY_S)


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of the module's service, over a database of its own."""
    with databases.lend() as make:
        home = tmp_path_factory.mktemp("served") / "home"
        yield Settings(home=home, database_url=make(), actor="tester")


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """The module's service, which requires tokens."""
    with serving(settings) as served:
        yield served


@pytest.fixture(scope="module")
def admin(served: Served) -> httpx2.Client:
    """A client with all permissions."""
    return served.client(Role.ADMIN)


@pytest.fixture
def name() -> str:
    """A model's name that no other test of the module uses."""
    return f"churn-{uuid4().hex[:8]}"


@pytest.fixture
def version(served: Served, tmp_path: Path, name: str) -> Callable[..., int]:
    """Register some content on this test's model, and return its number."""
    from tests.factories import register

    def make(content: str = "weights", **fields: Any) -> int:
        reference = register(served.registry, tmp_path, content, name, **fields)
        return int(reference.rpartition("/")[2])

    return make
