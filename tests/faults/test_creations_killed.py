"""`kill -9` of the service while stock clients create versions: none twice, none lost."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.catalog.seal_states import SealState
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import free_ports, wait_until
from tests.databases import Databases
from tests.factories import artifact
from tests.maintenance.collecting import require_sound
from tests.mlflow.sides import MISSING
from tests.sources.tracking import PYTHON

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not PYTHON.exists(), reason=MISSING),
]

CLIENTS, EACH, KILLS = 4, 6, 3

# With the retries that the client has by default.
_CREATE = """
import json, sys, mlflow
url, source, number, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
client = mlflow.MlflowClient(url, url)
for each in range(count):
    description = f"{number}-{each}"
    try:
        made = client.create_model_version(
            "churn", source, description=description, await_creation_for=0
        )
    except mlflow.exceptions.MlflowException as error:
        print(json.dumps([description, None, str(error)]), flush=True)
    else:
        print(json.dumps([description, int(made.version), None]), flush=True)
"""


@contextmanager
def service(settings: Settings, port: int, allowed: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `pedigree serve` until the block ends or somebody kills it."""
    environment = {
        **os.environ,
        "PEDIGREE_HOME": str(settings.home),
        "PEDIGREE_DATABASE_URL": str(settings.database_url),
        "PEDIGREE_MLFLOW_SOURCES": f"file://{allowed}=seal",
    }
    command = [Path(sys.executable).with_name("pedigree"), "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def stock_client(token: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a stock client that creates versions, until the block ends."""
    with subprocess.Popen(
        [PYTHON, "-c", _CREATE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MLFLOW_TRACKING_TOKEN": token},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def is_up(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/livez", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False


def test_kills_of_the_service_neither_lose_nor_double_a_creation(
    databases: Databases, tmp_path: Path
) -> None:
    source = artifact(tmp_path / "shared" / "model")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with databases.lend() as make, ExitStack() as stack:
        settings = Settings(home=tmp_path / "home", database_url=make(), actor="tester")
        with Registry.connect(settings=settings) as registry:
            registry.create_model("churn")
            token = registry.create_token("ann", roles=[Role.CONTRIBUTOR]).secret
            clients = [
                stack.enter_context(stock_client(token, url, str(source), str(number), str(EACH)))
                for number in range(CLIENTS)
            ]
            kills = 0
            while any(client.poll() is None for client in clients):
                with service(settings, port, tmp_path / "shared") as running:
                    wait_until(lambda: is_up(url), "the service")
                    # The next kill comes in the midst of creations; the last service is not killed.
                    most = CLIENTS * EACH // (KILLS + 5) if kills < KILLS else CLIENTS * EACH
                    wait_for_creations(registry, clients, most)
                    running.kill()
                    kills += 1
            answers = [json.loads(line) for client in clients for line in output(client)]
            require_each_once(registry, answers)
            with service(settings, port, tmp_path / "shared"):
                restarted = time.monotonic()
                wait_until(lambda: not pending(registry), "the pending versions", seconds=120)
                assert time.monotonic() - restarted < 60
            states = {each.state for each in registry.versions("churn")}
            assert states == {SealState.SEALED}
            require_sound(registry)
    assert kills > KILLS // 2


def wait_for_creations(
    registry: Registry, clients: list["subprocess.Popen[bytes]"], most: int
) -> None:
    """Wait for some creations, or for the end of all clients."""
    wanted = count(registry) + most
    wait_until(
        lambda: count(registry) >= wanted or all(client.poll() is not None for client in clients),
        "further creations",
        seconds=300,
    )


def output(client: "subprocess.Popen[bytes]") -> list[bytes]:
    assert client.stdout is not None
    return client.stdout.read().splitlines()


def count(registry: Registry) -> int:
    return registry.model("churn").latest_version


def pending(registry: Registry) -> list[int]:
    found = registry.versions("churn")
    return [each.version_id for each in found if each.state is SealState.PENDING]


def require_each_once(
    registry: Registry, answers: list[tuple[str, int | None, str | None]]
) -> None:
    """Every answered creation is one version, and no creation is two."""
    versions = {each.version_id: each.description for each in registry.versions("churn")}
    doubled = [name for name, times in Counter(versions.values()).items() if times > 1]
    assert doubled == []
    assert len(answers) == CLIENTS * EACH
    for description, number, _ in answers:
        if number is not None:
            assert versions[number] == description
    assert sum(number is not None for _, number, _ in answers) > CLIENTS * EACH // 2
