"""The same registry twice: in this process, and through a client of a real server."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

import pedigree
from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.databases import Databases
from tests.server.conftest import Served, serving


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of the module's service, over a database of its own."""
    with databases.lend() as make:
        home = tmp_path_factory.mktemp("served") / "home"
        key = SecretStr(base64.b64encode(b"k" * 32).decode())
        yield Settings(home=home, database_url=make(), actor="tester", secret_key=key)


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """The module's service, which requires tokens."""
    with serving(settings) as served:
        yield served


@pytest.fixture
def name() -> str:
    """A model's name that no other test of the module uses."""
    return f"churn-{uuid4().hex[:8]}"


@pytest.fixture
def connect(served: Served, tmp_path: Path) -> Iterator[Callable[..., Registry]]:
    """Return a function that connects to the service with a token of some roles."""
    made = []

    def make(*roles: Role, principal: str | None = None, **options: float) -> Registry:
        principal = principal or f"somebody-{uuid4().hex[:8]}"
        secret = served.registry.create_token(principal, roles=roles or [Role.ADMIN]).secret
        settings = Settings(home=tmp_path / f"client-{len(made)}", actor=principal)
        registry = pedigree.connect(served.url, token=secret, settings=settings, **options)
        made.append(registry)
        return registry

    yield make
    for registry in made:
        registry.close()


@pytest.fixture(params=["in process", "over HTTP"])
def registry(
    request: pytest.FixtureRequest, served: Served, connect: Callable[..., Registry]
) -> Registry:
    """A registry of either kind, with all permissions."""
    return served.registry if request.param == "in process" else connect(principal="tester")
