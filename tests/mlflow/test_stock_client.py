"""An unmodified client of MLflow, with the registry and an unmodified server of MLflow."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.factories import new_version
from tests.mlflow.sides import MISSING, real_server
from tests.server.conftest import Served, serving

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv-mlflow" / "bin"
CLIENT = Path(__file__).with_name("stock_client.py")

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not (BIN / "mlflow").exists(), reason=MISSING),
]


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of MLflow."""
    with real_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


def clean(folder: Path) -> dict[str, str]:
    """An environment without a credential of any store."""
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(folder),
        "GIT_PYTHON_REFRESH": "quiet",
    }


def stock(action: str, argument: str, folder: Path, **environment: str) -> Any:
    """Let the stock client do something, and return its answer."""
    return run([CLIENT, action, argument], folder, **environment)


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> Any:
    """Run a program of MLflow's environment, and return its last line, which is JSON."""
    done = subprocess.run(
        [str(BIN / "python"), *map(str, command)],
        env={**clean(folder), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", **environment},
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def served(settings: Settings, mlflow_server: str) -> Iterator[Served]:
    proxy = {"mlflow_proxy": True, "mlflow_upstream": mlflow_server}
    with serving(settings.model_copy(update=proxy)) as served:
        yield served


def token(served: Served, *roles: Role) -> str:
    return served.client(*roles).headers["authorization"].removeprefix("Bearer ")


def test_a_stock_client_tracks_through_the_registry(served: Served, tmp_path: Path) -> None:
    found = stock(
        "track",
        "churn",
        tmp_path,
        MLFLOW_TRACKING_URI=served.url,
        MLFLOW_TRACKING_TOKEN=token(served, Role.CONTRIBUTOR),
    )
    assert found == {
        "runs": [True],
        "params": {"depth": "3"},
        "metrics": {"roc_auc": 0.9},
        "files": ["notes/a b.txt"],
        "text": "notes",
    }


def test_a_stock_client_loads_a_version_without_a_credential_of_the_store(
    served: Served, name: str, tmp_path: Path
) -> None:
    stock("save", str(tmp_path / "model"), tmp_path)
    served.registry.register(name, tmp_path / "model", new_version())
    place = served.registry.operations.artifact_places.place(f"{name}/1")
    base = f"{served.url}/api/2.0/mlflow-artifacts/artifacts"
    uri = f"{base}/pedigree/models/{place.model_id}/{place.version}"
    environment = {"MLFLOW_TRACKING_TOKEN": token(served, Role.READER)}
    assert stock("load", uri, tmp_path, **environment) == [2.0, 5.0]
    served.registry.set_alias(name, "best", 1)
    registry_only = {
        **environment,
        "MLFLOW_REGISTRY_URI": served.url,
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/own.db",
    }
    assert stock("load", f"models:/{name}/1", tmp_path, **registry_only) == [2.0, 5.0]
    one_url = {**environment, "MLFLOW_TRACKING_URI": served.url}
    assert stock("load", f"models:/{name}@best", tmp_path, **one_url) == [2.0, 5.0]
    user = {"MLFLOW_TRACKING_USERNAME": "a", "MLFLOW_TRACKING_PASSWORD": token(served, Role.READER)}
    assert stock("load", uri, tmp_path, **user) == [2.0, 5.0]


@pytest.mark.parametrize("multipart", ["false", "true"])
def test_a_stock_client_uploads_files_for_a_version(
    served: Served, tmp_path: Path, multipart: str
) -> None:
    environment = {
        "MLFLOW_TRACKING_URI": served.url,
        "MLFLOW_TRACKING_TOKEN": token(served, Role.CONTRIBUTOR),
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": multipart,
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1",
    }
    listed, is_same = stock(
        "put", f"mlflow-artifacts:/pedigree/uploads/new-{multipart}", tmp_path, **environment
    )
    assert listed == [["MLmodel", False, 7000], ["data", True, None]]
    assert is_same
