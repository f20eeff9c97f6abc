"""An unmodified MLflow client registers what a real tracking server has, and loads it from here."""

from collections.abc import Iterator

import pytest

from pedigree.access.records import Role
from pedigree.catalog.seal_states import SealState
from pedigree.settings import Settings
from tests.databases import Databases
from tests.server.conftest import Served, serving
from tests.sources.tracking import Tracking, run_stock

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("tracking")]

_REGISTER = """
import json, sys, mlflow
tracking, registry, uri, name = sys.argv[1:]
mlflow.set_tracking_uri(tracking)
mlflow.set_registry_uri(registry)
try:
    version = mlflow.register_model(uri, name)
    print(json.dumps({"version": version.version, "status": version.status}))
except mlflow.exceptions.MlflowException as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture(scope="module")
def tracking_service(
    databases: Databases, tracked: Tracking, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service whose upstream is that tracking server."""
    with databases.lend() as make:
        given = {
            "home": tmp_path_factory.mktemp("served") / "home",
            "database_url": make(),
            "actor": "tester",
            "mlflow_upstream": tracked.url,
        }
        with serving(Settings.model_validate(given)) as running:
            yield running


def registered(served: Served, tracked: Tracking, uri: str, name: str) -> dict[str, str]:
    found: dict[str, str] = run_stock(
        _REGISTER, tracked.url, served.url, uri, name, MLFLOW_TRACKING_TOKEN=token_of(served)
    )
    return found


def token_of(served: Served) -> str:
    header: str = served.client(Role.CONTRIBUTOR).headers["Authorization"]
    return header.removeprefix("Bearer ")


@pytest.mark.parametrize("form", ["models:/{model_id}", "runs:/{run_id}/model"])
def test_a_logged_model_is_registered_with_its_run(
    tracking_service: Served, tracked: Tracking, form: str
) -> None:
    name = f"churn-{form.partition(':')[0]}"
    tracking_service.registry.create_model(name)
    found = registered(tracking_service, tracked, form.format(**tracked._asdict()), name)
    assert (found["version"], found["status"]) == ("1", "PENDING_REGISTRATION")  # it waited since
    version = tracking_service.registry.get(f"{name}/1")
    assert (version.state, version.run_id) == (SealState.SEALED, tracked.run_id)
    assert (version.git_commit, version.git_source) == ("0123456789abcdef", "mlflow")
    assert (version.metrics, version.params) == ({"auc": 0.75}, {"depth": "3"})
    assert version.signature is not None
    assert version.flavor == "mlflow"


def test_a_model_that_cannot_be_sealed_raises_with_the_reason(
    tracking_service: Served, tracked: Tracking
) -> None:
    """The tracking server has the run, but not the files: the client waits, and shows why."""
    tracking_service.registry.create_model("absent")
    found = run_stock(
        _REGISTER.replace(
            "mlflow.register_model(uri, name)",
            "mlflow.MlflowClient().create_model_version(name, uri, run_id=uri.split('/')[2])",
        ),
        tracked.url,
        tracking_service.url,
        f"{tracked.artifact_uri}/absent",
        "absent",
        MLFLOW_TRACKING_TOKEN=token_of(tracking_service),
    )
    assert "has no file" in found["error"]
    assert tracking_service.registry.get("absent/1").state is SealState.FAILED


def test_two_registrations_of_a_client_are_two_versions(
    tracking_service: Served, tracked: Tracking
) -> None:
    tracking_service.registry.create_model("twice")
    for number in ("1", "2"):
        found = registered(tracking_service, tracked, f"models:/{tracked.model_id}", "twice")
        assert found["version"] == number
    one, two = tracking_service.registry.versions("twice")
    assert one.digest == two.digest is not None
