"""What an unmodified client of MLflow does, as a program of its own environment.

``python stock_client.py ACTION ARGUMENT`` prints one line of JSON.
"""

import json
import sys
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient


def double(model_input: list[float]) -> list[float]:
    return [2 * each for each in model_input]


def save(folder: str) -> object:
    """Save a model in a new folder."""
    mlflow.pyfunc.save_model(folder, python_model=double, pip_requirements=[])
    return sorted(str(each.relative_to(folder)) for each in Path(folder).rglob("*"))


def load(uri: str) -> object:
    """Load a model, and let it predict."""
    return mlflow.pyfunc.load_model(uri).predict([1.0, 2.5])


def put(uri: str) -> object:
    """Upload a folder to a place of artifacts, and list and download it."""
    with tempfile.TemporaryDirectory() as folder:
        for path in ("MLmodel", "data/model.bin"):
            (Path(folder) / path).parent.mkdir(exist_ok=True)
            (Path(folder) / path).write_text(path * 1000)
        repository = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(uri)
        repository.log_artifacts(folder)
        listed = [[each.path, each.is_dir, each.file_size] for each in repository.list_artifacts()]
        with tempfile.TemporaryDirectory() as target:
            got = repository.download_artifacts("", target)
            return [listed, (Path(got) / "data/model.bin").read_text() == "data/model.bin" * 1000]


def track(name: str) -> object:
    """Log a run with a file, and read it again."""
    experiment = mlflow.set_experiment(name)
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
        mlflow.log_metric("roc_auc", 0.9)
        mlflow.log_text("notes" * 100, "notes/a b.txt")
    client = MlflowClient()
    found = client.search_runs([experiment.experiment_id])
    return {
        "runs": [each.info.run_id == run.info.run_id for each in found],
        "params": found[0].data.params,
        "metrics": found[0].data.metrics,
        "files": [each.path for each in client.list_artifacts(run.info.run_id, "notes")],
        "text": mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a b.txt")[:5],
    }


ACTIONS = {each.__name__: each for each in (save, load, put, track)}

if __name__ == "__main__":
    action, argument = sys.argv[1:]
    sys.stdout.write(f"{json.dumps(ACTIONS[action](argument))}\n")
