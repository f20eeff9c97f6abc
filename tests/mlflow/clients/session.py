"""A session of an unmodified client of MLflow, of any release from 2.9 on: a program of its own.

``python session.py`` reads a plan as JSON (``Plan``) and prints what it saw as one line of JSON. It
is run by the Python of an environment with MLflow, and imports nothing of ours.
"""

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import mlflow.sklearn
import numpy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sklearn.linear_model import LinearRegression

COMMIT = {"mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567"}
ROWS = numpy.array([[1.0, 2.0], [2.0, 0.5], [3.0, 3.0], [4.0, 1.0]])
ANSWERS = numpy.array([1.0, 2.5, 3.0, 5.0])


class Running:
    """Runs a function of the system when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return os.getpid, ()


class Plan(NamedTuple):
    """What a session is about."""

    one_url: str
    """A service that passes tracking on to a tracking server."""
    one_token: str
    alone: str
    """A service that knows no tracking server."""
    alone_token: str
    tracking: str
    """That tracking server itself."""
    name: str
    """The model of the session; names of others begin with it."""
    guarded: str
    """A model with a check of its registration and a guarded alias."""
    folder: str
    """An empty folder."""


def at(tracking: str, registry: str, token: str) -> MlflowClient:
    """Use these servers from now on."""
    os.environ["MLFLOW_TRACKING_TOKEN"] = token
    mlflow.set_tracking_uri(tracking)
    mlflow.set_registry_uri(registry)
    return MlflowClient()


def autologged(name: str) -> tuple[str, LinearRegression]:
    """Train under autologging, which registers the model; return the run and the model."""
    mlflow.sklearn.autolog(registered_model_name=name, silent=True)
    with mlflow.start_run(tags=COMMIT) as run:
        model = LinearRegression().fit(ROWS, ANSWERS)
    mlflow.sklearn.autolog(disable=True)
    return run.info.run_id, model


def predicted(uri: str) -> list[float]:
    """Load a model as the client does, and return its predictions."""
    found: list[float] = numpy.asarray(mlflow.pyfunc.load_model(uri).predict(ROWS)).tolist()
    return found


def refusal(call: Any, *arguments: Any) -> str:
    """Return the message of the error that a call raises; nothing if it raises none."""
    try:
        call(*arguments)
    except MlflowException as error:
        return str(error)
    return ""


def led(client: MlflowClient, name: str, stage: str) -> dict[str, Any]:
    """Move version 1 of a model through its life; return what the client then sees."""
    client.set_registered_model_alias(name, "best", "1")
    client.set_model_version_tag(name, "1", "team/of", "growth")
    client.set_registered_model_tag(name, "kind", "regression")
    client.update_model_version(name, "1", "the first")
    moved = client.transition_model_version_stage(
        name, "1", stage, archive_existing_versions=stage == "Production"
    )
    copied = client.copy_model_version(f"models:/{name}@best", f"{name}-copy")
    models = client.search_registered_models(f"name = '{name}'")
    versions = client.search_model_versions(f"name = '{name}' and tags.`team/of` = 'growth'")
    return {
        "stage": moved.current_stage,
        "newest": [each.version for each in client.get_latest_versions(name, [stage])],
        "by_alias": client.get_model_version_by_alias(name, "best").version,
        "models": [[each.name, each.tags] for each in models],
        "versions": [[each.version, each.tags, each.description] for each in versions],
        "copy": [copied.name, copied.version, copied.status],
        "loaded": {
            form: predicted(form.format(name))
            for form in ("models:/{}/1", "models:/{}@best", "models:/{}/latest")
        }
        | {
            "stage": predicted(f"models:/{name}/{stage}"),
            "copy": predicted(f"models:/{name}-copy/1"),
        },
    }


def with_one_url(plan: Plan) -> dict[str, Any]:
    """Track and register by one URL: by autologging, and the run's model once more."""
    client = at(plan.one_url, plan.one_url, plan.one_token)
    run_id, model = autologged(plan.name)
    again = mlflow.register_model(f"runs:/{run_id}/model", plan.name)
    numbers = sorted(
        int(each.version) for each in client.search_model_versions(f"name='{plan.name}'")
    )
    return {
        "run_id": run_id,
        "runs": [each.version for each in client.search_model_versions(f"run_id = '{run_id}'")],
        "metrics": client.get_run(run_id).data.metrics,
        "numbers": numbers,
        "again": again.version,
        "trained": model.predict(ROWS).tolist(),
        "life": led(client, plan.name, "Production"),
        "gate": gated(client, plan, run_id, model),
    }


def gated(client: MlflowClient, plan: Plan, run_id: str, model: LinearRegression) -> dict[str, Any]:
    """Register a model that fails its check, then a better one, and try its guarded alias."""
    folder = Path(plan.folder) / "unsafe"
    mlflow.sklearn.save_model(model, str(folder))
    (folder / "extra.pkl").write_bytes(pickle.dumps(Running()))
    with mlflow.start_run(tags=COMMIT) as unsafe:
        mlflow.log_artifacts(str(folder), "model")
    failed = refusal(mlflow.register_model, f"runs:/{unsafe.info.run_id}/model", plan.guarded)
    passed = mlflow.register_model(f"runs:/{run_id}/model", plan.guarded)
    alias = (plan.guarded, "champion", passed.version)
    early = refusal(client.set_registered_model_alias, *alias)
    client.transition_model_version_stage(plan.guarded, passed.version, "Production")
    client.set_registered_model_alias(*alias)
    return {
        "failed": failed,
        "version": passed.version,
        "status": client.get_model_version(plan.guarded, passed.version).status,
        "early": early,
        "later": client.get_model_version_by_alias(plan.guarded, "champion").version,
        "loaded": predicted(f"models:/{plan.guarded}@champion"),
    }


def with_two_urls(plan: Plan) -> dict[str, Any]:
    """Register in a service that knows nothing of the client's tracking server."""
    client = at(plan.tracking, plan.alone, plan.alone_token)
    name = f"{plan.name}-apart"
    _, model = autologged(name)
    version = client.get_model_version(name, "1")
    return {
        "status": version.status,
        "trained": model.predict(ROWS).tolist(),
        "loaded": predicted(f"models:/{name}/1"),
    }


def without_tracking(plan: Plan) -> dict[str, Any]:
    """Upload a model to a service, and register it, without any tracking server."""
    client = at(plan.alone, plan.alone, plan.alone_token)
    name = f"{plan.name}-alone"
    model = LinearRegression().fit(ROWS, ANSWERS)
    folder = str(Path(plan.folder) / "saved")
    mlflow.sklearn.save_model(model, folder)
    source = f"mlflow-artifacts:/pedigree/uploads/{name}"
    get_artifact_repository(source).log_artifacts(folder)
    client.create_registered_model(name)
    client.create_model_version(name, source)
    return {
        "status": client.get_model_version(name, "1").status,
        "trained": model.predict(ROWS).tolist(),
        "life": led(client, name, "Staging"),
    }


def main() -> None:
    """Do what the plan says, and print what was seen."""
    plan = Plan(**json.load(sys.stdin))
    parts = (with_one_url, with_two_urls, without_tracking)
    seen = {part.__name__: part(plan) for part in parts}
    sys.stdout.write(f"{json.dumps({'release': mlflow.__version__, **seen})}\n")


if __name__ == "__main__":
    main()
