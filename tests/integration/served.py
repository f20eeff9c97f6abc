"""A running `pedigree up`: the web server's GraphQL API, and the command line."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = "__repository__"  # Dagster's name for the only repository of a location
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}

_LAUNCH = """mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidSubsetError { message } } }"""
_RUN = """query ($id: ID!) { runOrError(runId: $id) { ... on Run { status startTime endTime
  tags { key value } repositoryOrigin { repositoryLocationName }
  stepStats { stepKey status } } } }"""
_MATERIALIZATIONS = """query ($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
  assetMaterializations(limit: 50) { runId timestamp tags { key value }
    metadataEntries { label ... on TextMetadataEntry { text } } } } } }"""
_RUNS = """query { runsOrError(limit: 20) { ... on Runs { results {
  runId status creationTime endTime assetSelection { path } } } } }"""
_CHECKED = """query ($key: AssetKeyInput!, $name: String!) {
  assetCheckExecutions(assetKey: $key, checkName: $name, limit: 10) {
    runId evaluation { success severity description } } }"""
_TICKS = """query ($sensor: SensorSelector!, $after: Float) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState {
    ticks(afterTimestamp: $after, limit: 100) {
      tickId status timestamp endTimestamp runIds skipReason error { message } } } } } }"""


class Materialization(NamedTuple):
    """One materialization in the asset graph; `run_id` is empty without a run."""

    version: int | None
    run_id: str
    at: float
    generation: int | None


class Evaluation(NamedTuple):
    """One evaluation of an asset check."""

    passed: bool
    severity: str
    text: str


class Tick(NamedTuple):
    """One completed tick of a sensor."""

    status: str
    at: float
    run_ids: tuple[str, ...]
    error: str | None


class Run(NamedTuple):
    """The current state of a run."""

    status: str
    location: str
    tags: Mapping[str, str]
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class Served:
    """A running server and its API."""

    url: str
    pid: int
    home: Path
    environment: Mapping[str, str]

    def graphql(self, query: str, **variables: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            document = json.load(answer)
        assert "errors" not in document, document["errors"]
        return document["data"]

    def launch(
        self,
        location: str,
        *assets: str,
        config: Mapping[str, Mapping[str, object]] | None = None,
        checks: bool = True,
        partition: str | None = None,
    ) -> str:
        """Launch a materialization as the UI does, and return the run's id."""
        ops = {op: {"config": dict(of)} for op, of in (config or {}).items()}
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        answer = self.graphql(
            _LAUNCH,
            params={
                "selector": {
                    "repositoryLocationName": location,
                    "repositoryName": REPOSITORY,
                    "pipelineName": "__ASSET_JOB",
                    "assetSelection": [{"path": asset.split("/")} for asset in assets],
                    "assetCheckSelection": None if checks else [],
                },
                "runConfigData": {"ops": ops},
                "mode": "default",
                "executionMetadata": {"tags": tags},
            },
        )["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def run(self, run_id: str) -> Run:
        found = self.graphql(_RUN, id=run_id)["runOrError"]
        return Run(
            found["status"],
            found["repositoryOrigin"]["repositoryLocationName"],
            {tag["key"]: tag["value"] for tag in found["tags"]},
            found["startTime"],
            found["endTime"],
        )

    def runs(self) -> list[dict[str, Any]]:
        """Return the last runs, newest first."""
        found: list[dict[str, Any]] = self.graphql(_RUNS)["runsOrError"]["results"]
        return found

    def materializations(self, asset: str) -> list[Materialization]:
        """Return an asset's materializations, oldest first."""
        found = self.graphql(_MATERIALIZATIONS, key={"path": asset.split("/")})["assetOrError"]
        result = []
        for each in reversed(found.get("assetMaterializations", [])):
            tags = {tag["key"]: tag["value"] for tag in each["tags"]}
            fields = {entry["label"]: entry.get("text") for entry in each["metadataEntries"]}
            version = tags.get("pedigree/version")
            generation = fields.get("pedigree/generation")
            result.append(
                Materialization(
                    int(version) if version else None,
                    each["runId"],
                    float(each["timestamp"]) / 1e3,
                    int(generation) if generation else None,
                )
            )
        return result

    def evaluations(self, asset: str, check: str) -> list[Evaluation]:
        """Return the evaluations of an asset check, newest first."""
        found = self.graphql(_CHECKED, key={"path": asset.split("/")}, name=check)
        fields = [each["evaluation"] for each in found["assetCheckExecutions"]]
        return [
            Evaluation(each["success"], each["severity"], each["description"])
            for each in fields
            if each
        ]

    def ticks(self, location: str, sensor: str, after: float) -> list[Tick]:
        """Return the completed ticks of a sensor that started after a time, newest first."""
        selector = {
            "repositoryLocationName": location,
            "repositoryName": REPOSITORY,
            "sensorName": sensor,
        }
        state = self.graphql(_TICKS, sensor=selector, after=after)["sensorOrError"]["sensorState"]
        return [
            Tick(
                tick["status"],
                tick["timestamp"],
                tuple(tick["runIds"]),
                (tick["error"] or {}).get("message"),
            )
            for tick in state["ticks"]
            if tick["status"] != "STARTED" and tick["timestamp"] > after
        ]

    def pedigree(self, *words: object) -> Any:
        """Run a command of the command line, and return the JSON that it prints."""
        done = subprocess.run(
            [Path(sys.executable).with_name("pedigree"), *map(str, words), "--json"],
            cwd=self.home.parent,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
