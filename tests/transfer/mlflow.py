"""A real MLflow server for tests, and what fills it by its own routes."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.integration.polling import eventually
from tests.mlflow.sides import ALONE

PYTHON = Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "python"
API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
# MLflow imports and migrates for some seconds, on a busy machine for many.
START_S = 180.0

MLMODEL = """\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.pkl
    sklearn_version: 1.6.0
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
run_id: null
"""


class Mlflow(NamedTuple):
    """A running server of MLflow, and its database."""

    url: str
    database: str
    artifacts: Path

    def call(self, method: str, route: str, **body: Any) -> dict[str, Any]:
        given = {"params": body} if method == "GET" else {"json": body}
        answer = httpx2.request(method, f"{self.url}{API}/{route}", timeout=60, **given)
        assert answer.status_code == 200, f"{method} {route}: {answer.text}"
        return dict(answer.json())

    def model(self, name: str, **fields: Any) -> None:
        self.call("POST", "registered-models/create", name=name, **fields)

    def version(self, name: str, source: str, **fields: Any) -> int:
        made = self.call("POST", "model-versions/create", name=name, source=source, **fields)
        return int(made["model_version"]["version"])

    def stage(self, name: str, number: int, stage: str) -> None:
        self.call(
            "POST",
            "model-versions/transition-stage",
            name=name,
            version=str(number),
            stage=stage,
            archive_existing_versions=False,
        )

    def alias(self, name: str, alias: str, number: int) -> None:
        self.call("POST", "registered-models/alias", name=name, alias=alias, version=str(number))

    def delete(self, name: str, number: int) -> None:
        self.call("DELETE", "model-versions/delete", name=name, version=str(number))

    def run(
        self, metrics: Mapping[str, float], params: Mapping[str, str], contents: Mapping[str, bytes]
    ) -> str:
        """Make a run with a model among its artifacts; return its id."""
        created = self.call(
            "POST",
            "runs/create",
            experiment_id="0",
            user_id="ada",
            start_time=1_700_000_000_000,
            tags=[{"key": "mlflow.source.git.commit", "value": "0123456789abcdef" * 2}],
        )
        run_id = created["run"]["info"]["run_id"]
        self.call(
            "POST",
            "runs/log-batch",
            run_id=run_id,
            metrics=[
                {
                    "key": key,
                    "value": str(value).replace("nan", "NaN"),
                    "timestamp": 1_700_000_000_001,
                    "step": 0,
                }
                for key, value in metrics.items()
            ],
            params=[{"key": key, "value": value} for key, value in params.items()],
        )
        self.call(
            "POST",
            "runs/log-inputs",
            run_id=run_id,
            datasets=[
                {
                    "tags": [{"key": "mlflow.data.context", "value": "training"}],
                    "dataset": {
                        "name": "customers",
                        "digest": "d1g35t",
                        "source_type": "local",
                        "source": json.dumps({"uri": "customers.csv"}),
                    },
                }
            ],
        )
        for path, content in contents.items():
            answer = httpx2.put(
                f"{self.url}{ARTIFACTS}/0/{run_id}/artifacts/model/{path}", content=content
            )
            assert answer.status_code == 200, answer.text
        return str(run_id)

    def of_run(self, run_id: str) -> dict[str, str]:
        """Return the source and the run of a version, as a client of MLflow 2 sends them."""
        return {"source": f"mlflow-artifacts:/0/{run_id}/artifacts/model", "run_id": run_id}


@contextmanager
def running(folder: Path, database: str) -> Iterator[Mlflow]:
    """Run a server of MLflow, and end it with all of its processes."""
    if not PYTHON.exists():
        pytest.skip("MLflow is not installed: `make test-system` puts it into .venv-mlflow")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    artifacts = folder / "artifacts"
    words = [
        *(str(PYTHON), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        # SQLAlchemy 2.1 reads `postgresql:` as psycopg 3, which MLflow's environment lacks.
        "--backend-store-uri",
        database.replace("postgresql:", "postgresql+psycopg2:", 1),
        *("--artifacts-destination", str(artifacts)),
        *("--workers", "1"),
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PEDIGREE_")},
        **ALONE,
    }
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process, folder / "mlflow.log")
        yield Mlflow(url, database, artifacts)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the server answers."""

    def answers() -> bool | None:
        if process.poll() is not None:
            raise AssertionError(f"MLflow has ended: {log.read_text()[-2000:]}")
        try:
            return httpx2.get(f"{url}/health", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    eventually(answers, START_S, "MLflow answers")
