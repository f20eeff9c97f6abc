"""A real MLflow tracking server, and what an unmodified client logs to it."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from tests.artifacts.servers.waiting import wait_until
from tests.mlflow.sides import ALONE

PYTHON = Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "python"

_LOG = """
import json, sys, tempfile, pathlib, mlflow
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
mlflow.set_experiment("churn")

def predict(model_input: list[float]) -> list[float]:
    return model_input

folder = pathlib.Path(tempfile.mkdtemp()) / "old model"
folder.mkdir()
(folder / "MLmodel").write_text("flavors: {python_function: {}}\\n")
(folder / "weights.bin").write_bytes(b"old weights")
with mlflow.start_run(tags={"mlflow.source.git.commit": "0123456789abcdef"}) as run:
    mlflow.log_params({"depth": 3})
    mlflow.log_metrics({"auc": 0.75, "nothing": float("nan")})
    data = mlflow.data.from_numpy(__import__("numpy").zeros(3), name="customers")
    mlflow.log_input(data, context="training")
    mlflow.log_artifacts(str(folder), "old model")
    model = mlflow.pyfunc.log_model(name="model", python_model=predict, input_example=[1.0])
with mlflow.start_run() as other:
    mlflow.log_artifacts(str(folder), "old model")
print(json.dumps({
    "run_id": run.info.run_id, "other": other.info.run_id, "model_id": model.model_id,
    "artifact_uri": run.info.artifact_uri, "digest": data.digest,
}))
"""


class Tracking(NamedTuple):
    """A running server, and what was logged to it."""

    url: str
    run_id: str
    other: str
    model_id: str
    artifact_uri: str
    digest: str


@contextmanager
def tracking(folder: Path) -> Iterator[Tracking]:
    """Run a tracking server with one run that logged a model in the old and in the new way."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        *(PYTHON.with_name("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"),
        *("--artifacts-destination", folder / "artifacts"),
    ]
    with (folder / "server.log").open("wb") as log:
        running = subprocess.Popen(
            command,
            env={**os.environ, **ALONE},
            stdout=log,
            stderr=log,
            cwd=folder,
            process_group=0,
        )
    try:
        wait_until(lambda: _answers(url), "the start of the tracking server", seconds=120)
        logged = run_stock(_LOG, url)
        yield Tracking(url, **logged)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, 15)
        running.wait()


def run_stock(script: str, *arguments: str, **variables: str) -> Any:
    """Run a script with the stock client; return the JSON of the last line that it prints."""
    done = subprocess.run(
        [PYTHON, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GIT_PYTHON_REFRESH": "quiet", **variables},
    )
    if done.returncode:
        raise AssertionError(f"the stock client failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
