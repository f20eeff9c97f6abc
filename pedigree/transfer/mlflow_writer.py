"""Writes models to a running server of MLflow, by its stock routes."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from itertools import islice
from typing import Any
from urllib.parse import quote, urlsplit

from pedigree.errors import OriginRefusedError
from pedigree.transfer.exporting import OutgoingFiles
from pedigree.transfer.mlflow_api import API, ARTIFACTS, ApiRefusedError, MlflowApi
from pedigree.transfer.outgoing import OutgoingModel, OutgoingVersion
from pedigree.transfer.report import Fate

_EXPERIMENT = "pedigree-export"
# Tags of a run. The first one is found again after an interruption, whatever the name is.
_KEY, _DIGEST, _REFERENCE = "pedigree.export", "pedigree.digest", "pedigree.reference"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_FOLDER = "model"
# The most params and metrics that MLflow takes at once.
_BATCH = 100


class MlflowWriter:
    """A running server of MLflow that gets models.

    MLflow numbers versions itself: one more than the highest number it ever gave out for the model.
    Numbers that we have no version for are given out there, too, and deleted.

    Args:
        api: The server.
    """

    def __init__(self, api: MlflowApi) -> None:
        self._api = api

    @property
    def uri(self) -> str:
        """Its URL, without credentials."""
        return self._api.uri

    def put_model(self, model: OutgoingModel) -> Fate:
        """Create or describe a model, without its versions."""
        found = self._found("registered-models/get", name=model.name)
        if found is None:
            tags = [{"key": key, "value": value} for key, value in model.tags.items()]
            self._send(
                "POST",
                "registered-models/create",
                **{"name": model.name, "tags": tags, "description": model.description},
            )
            return Fate.CARRIED
        there = found["registered_model"]
        changed = self._retag("registered-models", {"name": model.name}, there, model.tags)
        if (there.get("description") or "") != model.description:
            given = {"name": model.name, "description": model.description}
            self._send("PATCH", "registered-models/update", **given)
            changed = True
        return Fate.CARRIED if changed else Fate.UNCHANGED

    def put_version(self, version: OutgoingVersion, files: OutgoingFiles) -> Fate:
        """Create a version with its number, after those with lower ones, or describe it."""
        key = {"name": version.name, "version": str(version.number)}
        found = self._found("model-versions/get", **key)
        if found is not None:
            self._require_same(version, found["model_version"])
            return self._describe(key, version, found["model_version"])
        run_id, source = self._put_run(version, files)
        made = self._create_as(version, run_id, source)
        self._describe(key, version, made)
        return Fate.CARRIED

    def put_aliases(self, model: OutgoingModel) -> Fate:
        """Set the aliases of a model whose versions are there, and remove others."""
        there = self._api.get(f"{API}/registered-models/get", name=model.name)["registered_model"]
        had = {each["alias"]: int(each["version"]) for each in there.get("aliases") or ()}
        for alias in had.keys() - model.aliases.keys():
            self._send("DELETE", "registered-models/alias", name=model.name, alias=alias)
        for alias, number in model.aliases.items():
            if had.get(alias) != number:
                given = {"name": model.name, "alias": alias, "version": str(number)}
                self._send("POST", "registered-models/alias", **given)
        return Fate.UNCHANGED if had == model.aliases else Fate.CARRIED

    def _create_as(self, version: OutgoingVersion, run_id: str, source: str) -> dict[str, Any]:
        """Create versions until one has the number, and delete those before it."""
        body = {
            "name": version.name,
            "source": source,
            "run_id": run_id,
            "description": version.description,
            "tags": [{"key": key, "value": value} for key, value in version.tags.items()],
        }
        while True:
            answer = self._send("POST", "model-versions/create", **body)
            made: dict[str, Any] = answer["model_version"]
            if int(made["version"]) == version.number:
                return made
            self._send(
                "DELETE", "model-versions/delete", name=version.name, version=str(made["version"])
            )
            if int(made["version"]) > version.number:
                raise OriginRefusedError("MLflow gave out the number before, and deleted it")

    def _require_same(self, version: OutgoingVersion, there: Mapping[str, Any]) -> None:
        run_id = there.get("run_id")
        found = self._found("runs/get", run_id=run_id) if run_id else None
        if found is None or _tags(found["run"]["data"]).get(_DIGEST) != version.digest:
            raise OriginRefusedError("MLflow has another version of this number")

    def _describe(
        self, key: dict[str, str], version: OutgoingVersion, there: Mapping[str, Any]
    ) -> Fate:
        changed = self._retag("model-versions", key, there, version.tags)
        if (there.get("description") or "") != version.description:
            self._send("PATCH", "model-versions/update", **key, description=version.description)
            changed = True
        if there.get("current_stage", "None") != version.stage:
            moved = {**key, "stage": version.stage, "archive_existing_versions": False}
            self._send("POST", "model-versions/transition-stage", **moved)
            changed = True
        return Fate.CARRIED if changed else Fate.UNCHANGED

    def _retag(
        self, route: str, key: dict[str, str], there: Mapping[str, Any], tags: Mapping[str, str]
    ) -> bool:
        had = _tags(there)
        for name in had.keys() - tags.keys():
            self._send("DELETE", f"{route}/delete-tag", **key, key=name)
        for name, value in tags.items():
            if had.get(name) != value:
                self._send("POST", f"{route}/set-tag", **key, key=name, value=value)
        return had != tags

    def _put_run(self, version: OutgoingVersion, files: OutgoingFiles) -> tuple[str, str]:
        """Write a run with the files of a version; return its id and where they are."""
        info = self._run_info(version)
        run_id, root = info["run_id"], urlsplit(info["artifact_uri"])
        if root.scheme != "mlflow-artifacts":
            raise OriginRefusedError(
                f"the server keeps artifacts in {root.scheme or 'a folder'}: and does not serve"
                " them; start it with --serve-artifacts"
            )
        for file in files.files():
            path = f"{root.path.strip('/')}/{_FOLDER}/{file.path}"
            self._api.put(f"{ARTIFACTS}/{quote(path)}", files.chunks(file), file.size)
        at = version.created_at
        for metrics in _batches(version.metrics):
            values = [{"key": k, "value": v, "timestamp": at, "step": 0} for k, v in metrics]
            self._send("POST", "runs/log-batch", run_id=run_id, metrics=values)
        for params in _batches(version.params):
            texts = [{"key": key, "value": value} for key, value in params]
            self._send("POST", "runs/log-batch", run_id=run_id, params=texts)
        self._send("POST", "runs/update", run_id=run_id, status="FINISHED", end_time=at)
        return run_id, f"{info['artifact_uri'].rstrip('/')}/{_FOLDER}"

    def _run_info(self, version: OutgoingVersion) -> dict[str, Any]:
        """Return the run of a version, which an interrupted export may have made."""
        key = sha256(version.reference.encode()).hexdigest()
        asked = f"tags.`{_KEY}` = '{key}' AND tags.`{_DIGEST}` = '{version.digest}'"
        found = self._send(
            "POST", "runs/search", experiment_ids=[self._experiment], filter=asked, max_results=1
        )
        if found.get("runs"):
            return dict(found["runs"][0]["info"])
        tags = {
            _KEY: key,
            _DIGEST: version.digest,
            _REFERENCE: version.reference,
            "pedigree.run_id": version.run_id,
            "mlflow.source.git.commit": version.git_commit,
            "mlflow.user": version.created_by,
        }
        made = self._send(
            "POST",
            "runs/create",
            experiment_id=self._experiment,
            run_name=version.reference,
            start_time=version.created_at,
            tags=[{"key": key, "value": value} for key, value in tags.items() if value],
        )
        return dict(made["run"]["info"])

    @cached_property
    def _experiment(self) -> str:
        found = self._found("experiments/get-by-name", experiment_name=_EXPERIMENT)
        if found is not None:
            return str(found["experiment"]["experiment_id"])
        return str(self._send("POST", "experiments/create", name=_EXPERIMENT)["experiment_id"])

    def _send(self, method: str, route: str, **body: Any) -> dict[str, Any]:
        return self._api.send(method, f"{API}/{route}", **body)

    def _found(self, route: str, **parameters: object) -> dict[str, Any] | None:
        try:
            return self._api.get(f"{API}/{route}", **parameters)
        except ApiRefusedError as error:
            if error.refusal.code == _ABSENT:
                return None
            raise


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    return {each["key"]: each.get("value") or "" for each in given.get("tags") or ()}


def _batches(given: Mapping[str, Any]) -> Iterator[list[tuple[str, Any]]]:
    left = iter(given.items())
    while batch := list(islice(left, _BATCH)):
        yield batch
