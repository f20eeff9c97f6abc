"""A real MLflow tracking server, and what an unmodified client logs to it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.mlflow.sides import real_server

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
    with real_server(folder) as url:
        yield Tracking(url, **run_stock(_LOG, url))


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
