"""Versions of files that a client uploaded to the service itself, over real HTTP."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.lifecycle.policy import open_policy
from pedigree.lifecycle.records import CheckRule
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import wait_until
from tests.databases import Databases
from tests.server.conftest import Served, name, serving

__all__ = ["name"]

FILES = {"model/MLmodel": b"flavors: {python_function: {}}\n", "model/data/weights": b"w" * 5000}
PUT = "/api/2.0/mlflow-artifacts/artifacts/pedigree/uploads"
API = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def served(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service without a tracking server, and without a rule for any source."""
    with databases.lend() as make:
        home = tmp_path_factory.mktemp("served") / "home"
        with serving(Settings(home=home, database_url=make(), actor="tester")) as running:
            yield running


def upload(served: Served, client: httpx2.Client, area: str) -> None:
    for path, content in FILES.items():
        client.put(f"{served.url}{PUT}/{area}/{path}", content=content).raise_for_status()


def create(served: Served, client: httpx2.Client, model: str, source: str, **more: Any) -> Any:
    document = {"name": model, "source": source, **more}
    return client.post(f"{served.url}{API}/model-versions/create", json=document)


def test_a_version_is_made_of_an_upload_and_downloaded_again(served: Served, name: str) -> None:
    served.registry.create_model(name)
    client = served.client(Role.CONTRIBUTOR)
    upload(served, client, "new")
    created = create(served, client, name, "mlflow-artifacts:/pedigree/uploads/new/model")
    assert created.status_code == 200, created.text
    # Its bytes are in the store, so a client has nothing to wait for.
    assert created.json()["model_version"]["status"] == "READY"
    asked = {"name": name, "version": "1"}
    assert served.registry.get(f"{name}/1").flavor == "mlflow"
    # What is uploaded later changes no version.
    client.put(f"{served.url}{PUT}/new/model/MLmodel", content=b"other").raise_for_status()
    uri = client.get(f"{served.url}{API}/model-versions/get-download-uri", params=asked)
    base = uri.json()["artifact_uri"]
    for path, content in FILES.items():
        assert client.get(f"{base}/{path.removeprefix('model/')}").content == content


def test_an_upload_waits_for_the_checks_of_registrations(served: Served, name: str) -> None:
    served.registry.create_model(name)
    policy = open_policy().model_copy(update={"registration": (CheckRule(name="artifact_intact"),)})
    served.registry.set_policy(name, policy)
    client = served.client(Role.CONTRIBUTOR)
    upload(served, client, "judged")
    created = create(served, client, name, "mlflow-artifacts:/pedigree/uploads/judged/model")
    assert created.json()["model_version"]["status"] == "PENDING_REGISTRATION"

    def is_ready() -> bool:
        asked = {"name": name, "version": "1"}
        got = client.get(f"{served.url}{API}/model-versions/get", params=asked).json()
        assert got["model_version"]["status"] != "FAILED_REGISTRATION", got
        return bool(got["model_version"]["status"] == "READY")

    wait_until(is_ready, "the registration", seconds=60)


def test_nobody_makes_a_version_of_another_ones_upload(served: Served, name: str) -> None:
    served.registry.create_model(name)
    ann, bob = served.client(Role.CONTRIBUTOR), served.client(Role.CONTRIBUTOR)
    upload(served, ann, "of-ann")
    source = "mlflow-artifacts:/pedigree/uploads/of-ann/model"
    for client, more in ((bob, {}), (ann, {"run_id": "f" * 32})):
        refused = create(served, client, name, source, **more)
        assert (refused.status_code, refused.json()["error_code"]) == (
            400,
            "INVALID_PARAMETER_VALUE",
        )
    for hidden in ("../uploads/of-ann", "%2e%2e/of-ann", "of-ann/..", "of-ann//model"):
        uploads = "mlflow-artifacts:/pedigree/uploads"
        assert create(served, ann, name, f"{uploads}/{hidden}").status_code == 400
    assert not served.registry.versions(name)
