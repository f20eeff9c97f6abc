"""`model-versions/create` over real HTTP: what becomes ready, and repetitions of lost answers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.registry.sources import NewSource
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import wait_until
from tests.databases import Databases
from tests.factories import artifact
from tests.server.conftest import Served, name, serving
from tests.server.raw import connected

__all__ = ["name"]

CREATE = "/api/2.0/mlflow/model-versions/create"
GET = "/api/2.0/mlflow/model-versions/get"
# The close of a socket sends a reset, as if its process or its network were gone.
_RESET = b"\x01\0\0\0\0\0\0\0"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a rule lets the service fetch from."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def served(
    databases: Databases, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service that fetches from that folder."""
    with databases.lend() as make:
        given = {
            "home": tmp_path_factory.mktemp("served") / "home",
            "database_url": make(),
            "actor": "tester",
            "mlflow_sources": f"file://{shared}=seal s3://sealed=seal",
            "doors": "rest mlflow",
        }
        with serving(Settings.model_validate(given)) as running:
            yield running


@pytest.fixture(scope="module")
def client(served: Served) -> httpx2.Client:
    """An MLflow client's connection."""
    return served.client(Role.CONTRIBUTOR)


@pytest.fixture
def create(served: Served, client: httpx2.Client, name: str) -> Callable[..., dict[str, Any]]:
    """Create a version of this test's model."""
    served.registry.create_model(name)

    def send(source: str, using: httpx2.Client | None = None, **more: Any) -> dict[str, Any]:
        document = {"name": name, "source": source, **more}
        answer = (using or client).post(f"{served.url}{CREATE}", json=document)
        assert answer.status_code == 200, answer.text
        version: dict[str, Any] = answer.json()["model_version"]
        return version

    return send


def test_a_version_is_pending_and_becomes_ready(
    served: Served, client: httpx2.Client, create: Callable[..., Any], shared: Path, name: str
) -> None:
    folder = artifact(shared / name)
    tags = [{"key": "team", "value": "risk"}, {"key": "team", "value": "fraud"}]
    created = create(str(folder), tags=tags, description="good", run_link="https://x.example")
    assert (created["version"], created["status"]) == ("1", "PENDING_REGISTRATION")
    assert created["tags"] == [{"key": "team", "value": "fraud"}]
    assert (created["source"], created["run_link"]) == (str(folder), "https://x.example")

    def shown() -> dict[str, Any]:
        answer = client.get(f"{served.url}{GET}", params={"name": name, "version": "1"})
        found: dict[str, Any] = answer.json()["model_version"]
        return found

    wait_until(lambda: shown()["status"] == "READY", "the registration")
    assert "status_message" not in shown()


def test_a_version_that_fails_says_why(
    served: Served, client: httpx2.Client, create: Callable[..., Any], shared: Path, name: str
) -> None:
    create(str(shared / "absent"))

    def shown() -> dict[str, Any]:
        answer = client.get(f"{served.url}{GET}", params={"name": name, "version": "1"})
        found: dict[str, Any] = answer.json()["model_version"]
        return found

    wait_until(lambda: shown()["status"] == "FAILED_REGISTRATION", "the failure")
    assert "No such file" in shown()["status_message"]


def test_wanted_creations_are_versions_of_their_own(
    served: Served, client: httpx2.Client, create: Callable[..., Any]
) -> None:
    numbers = [int(create("s3://elsewhere/model")["version"]) for _ in range(10)]
    other = served.client(Role.CONTRIBUTOR)
    for _ in range(5):  # each over a connection of its own
        fresh = httpx2.Client(headers=client.headers)
        with fresh:
            numbers.append(int(create("s3://elsewhere/model", fresh)["version"]))
    numbers.append(int(create("s3://elsewhere/model", other)["version"]))
    assert numbers == list(range(1, 17))


def test_creations_at_once_are_versions_of_their_own_if_anything_differs(
    create: Callable[..., Any],
) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(
            lambda number: create("s3://elsewhere/model", description=str(number)), range(24)
        )
        numbers = sorted(int(each["version"]) for each in made)
    assert numbers == list(range(1, 25))


def sent_and_cut(served: Served, client: httpx2.Client, document: dict[str, object]) -> None:
    """Send a creation while its model is locked, and cut the connection before it is answered."""
    body = json.dumps(document).encode()
    head = (
        f"POST {CREATE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: {client.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        def hold(transaction: Any) -> None:
            transaction.execute(
                "SELECT FROM pedigree.registered_model WHERE name = %(name)s FOR UPDATE",
                {"name": document["name"]},
            ).fetchone()
            locked.set()
            assert release.wait(60)

        served.registry.database.transaction(hold)

    holder = threading.Thread(target=lock)
    holder.start()
    assert locked.wait(60)
    with connected(served.url) as opened:
        opened.sendall(head.encode() + body)
        wait_until(lambda: is_waiting(served), "the creation")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    release.set()
    holder.join()


def is_waiting(served: Served) -> bool:
    """Whether a session waits for the lock of a row."""
    rows = served.registry.database.fetch_all(
        "SELECT count(*) AS waiting FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return rows[0]["waiting"] > 0


def test_a_creation_whose_answer_was_cut_off_is_not_repeated(
    served: Served, client: httpx2.Client, create: Callable[..., Any], name: str
) -> None:
    document: dict[str, Any] = {"name": name, "source": "s3://elsewhere/model"}
    sent_and_cut(served, client, document)
    wait_until(lambda: len(served.registry.versions(name)) == 1, "the version")
    assert create("s3://elsewhere/model", description="another")["version"] == "2"
    other = served.client(Role.CONTRIBUTOR)
    assert create("s3://elsewhere/model", other)["version"] == "3"  # of somebody else
    assert create("s3://elsewhere/model")["version"] == "1"  # the repetition
    assert create("s3://elsewhere/model")["version"] == "4"  # a wanted one
    assert len(served.registry.versions(name)) == 4


def test_a_lost_version_that_was_deleted_is_created_again(
    served: Served, client: httpx2.Client, create: Callable[..., Any], name: str
) -> None:
    sent_and_cut(served, client, {"name": name, "source": "s3://elsewhere/model"})
    wait_until(lambda: len(served.registry.versions(name)) == 1, "the version")
    served.registry.delete(f"{name}/1", reason="by mistake")
    assert create("s3://elsewhere/model")["version"] == "2"


HOSTILE = (
    *("/etc/passwd", "file:///etc/passwd", "file://host/etc", "../../etc/passwd", "file:etc"),
    *("http://169.254.169.254/latest", "https://127.0.0.1/x", "ftp://host/x", "hdfs://host/x"),
    *("s3://b/../c", "s3://b/%2e%2e/c", "s3://b/%252e%252e/c", "s3://b/x#../y", "s3://b/x?y"),
    *("s3://b\\c/x", "s3://b//c", "s3://b", "mlflow-artifacts:/../x", "mlflow-artifacts://evil/x"),
    *("runs:/R/x", "models:/m-1", "models:/a/b/c", "models://other/a/1", "x" * 501, ""),
)


@pytest.mark.parametrize("prefix", ["/api/2.0", "/ajax-api/2.0"])
@pytest.mark.parametrize("tags", [[], [{"key": "mlflow.prompt.is_prompt", "value": "true"}]])
def test_a_hostile_source_is_refused_and_leaves_nothing(
    served: Served,
    client: httpx2.Client,
    name: str,
    prefix: str,
    tags: list[dict[str, str]],
) -> None:
    served.registry.create_model(name)
    for source in HOSTILE:
        document = {"name": name, "source": source, "tags": tags}
        answer = client.post(f"{served.url}{prefix}/mlflow/model-versions/create", json=document)
        assert answer.status_code == 400, source
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert served.registry.versions(name) == ()


def test_a_prompt_has_a_placeholder_for_a_source(create: Callable[..., Any]) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    created = create("dummy-source", tags=tags)
    assert (created["source"], created["status"]) == ("dummy-source", "READY")


def test_who_may_only_read_creates_nothing(served: Served, name: str) -> None:
    served.registry.create_model(name)
    reader = served.client(Role.READER)
    document = {"name": name, "source": "s3://elsewhere/model"}
    answer = reader.post(f"{served.url}{CREATE}", json=document)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_who_may_not_read_a_model_copies_none_of_its_versions(
    served: Served, name: str, tmp_path: Path
) -> None:
    served.registry.create_model(name)
    served.registry.create_model(f"secret-{name}")
    served.registry.operations.sources.create(f"secret-{name}", NewSource(source="s3://bucket/x"))
    limited = served.client(Role.CONTRIBUTOR, models=(name,))
    document = {"name": name, "source": f"models:/secret-{name}/1"}
    answer = limited.post(f"{served.url}{CREATE}", json=document)
    assert answer.status_code in (403, 404)
    assert served.registry.versions(name) == ()
