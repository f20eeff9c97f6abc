"""An unmodified MLflow client waits while a Dagster deployment judges what it registers."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import wait_until
from tests.dagster.location import Location
from tests.dagster.sensors.test_registrations import POLICY, PRODUCTION, at, is_fast, latency_of
from tests.mlflow.sides import MISSING
from tests.server.conftest import Served, serving
from tests.sources.tracking import PYTHON, run_stock

__all__ = ["at"]

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("tracking"),
    pytest.mark.skipif(not PYTHON.exists(), reason=MISSING),
]

_REGISTER = """
import json, sys, mlflow
url, source, name = sys.argv[1:]
mlflow.set_tracking_uri(url)
client = mlflow.MlflowClient()
try:
    version = client.create_model_version(name, source, await_creation_for=120)
    found = client.get_model_version(name, version.version)
    print(json.dumps({"version": found.version, "status": found.status}))
except mlflow.exceptions.MlflowException as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture
def served(pedigree: Registry, database_url: str, home: Path, tmp_path: Path) -> Iterator[Served]:
    """A service of the location's registry, which fetches from a folder."""
    pedigree.create_model("churn")
    pedigree.set_policy("churn", POLICY)
    given = {
        "home": home,
        "database_url": database_url,
        "mlflow_sources": f"file://{tmp_path}/notebook=seal",
        "actor": "tester",
    }
    with serving(Settings.model_validate(given)) as running:
        yield running


@pytest.fixture
def register(served: Served, tmp_path: Path) -> Callable[[bytes], Future[Any]]:
    """Starts a stock client that registers a model, and waits."""
    header = served.client(Role.CONTRIBUTOR, Role.ADMIN).headers["Authorization"]
    token = header.removeprefix("Bearer ")
    thread = ThreadPoolExecutor(1)

    def start(weights: bytes) -> Future[Any]:
        folder = tmp_path / "notebook" / weights.decode()
        folder.mkdir(parents=True)
        (folder / "weights.bin").write_bytes(weights)
        arguments = (served.url, f"file://{folder}", "churn")
        return thread.submit(run_stock, _REGISTER, *arguments, MLFLOW_TRACKING_TOKEN=token)

    return start


def judge(location: Location) -> None:
    """Tick the mirror until it requests a run, execute it, and record the result."""
    found: list[Any] = []

    def requested() -> bool:
        found.extend(location.tick("pedigree_mirror").run_requests)
        return bool(found)

    wait_until(requested, "the request of a run")
    location.execute(found[0], raise_on_error=False)
    location.tick("pedigree_promotion")


def test_a_stock_client_waits_for_asset_checks_and_raises_with_their_names(
    at: Callable[..., Location],
    pedigree: Registry,
    register: Callable[[bytes], Future[Any]],
) -> None:
    location = at(latency_of(is_fast))
    location.mirror()
    refused = register(b"slow")
    judge(location)
    assert "check latency, which failed" in refused.result()["error"]
    accepted = register(b"fast")
    judge(location)
    assert accepted.result() == {"version": "2", "status": "READY"}
    pedigree.promote("churn/2", "candidate")
    pedigree.promote("churn/2", "production")
    assert ("production", "2") in location.mirror()
    event = location.instance.get_latest_materialization_event(PRODUCTION).asset_materialization
    assert event.tags["dagster/data_version"] == pedigree.get("churn/2").digest
