"""What a tracking server answers, in MLflow's form and in others."""

import base64
import json
from collections.abc import Iterator

import pytest

from pedigree.errors import InvalidSourceError, SourceUnavailableError
from pedigree.sources.claims import OriginClaim, require_consistent
from pedigree.sources.resolving import ResolvedSource, resolve
from pedigree.sources.upstream import TrackingServer
from pedigree.sources.upstream_records import UpstreamDataset, UpstreamModel, UpstreamRun
from pedigree.sources.uri import ProxiedSource, RegisteredSource, parse_source
from tests.sources.serving import FileServer, serving


def resolved(
    server: TrackingServer, source: str, run_id: str | None = None, model_id: str | None = None
) -> ResolvedSource:
    place = parse_source(source)
    assert not isinstance(place, RegisteredSource)
    claim = OriginClaim(source=source, run_id=run_id, model_id=model_id)
    require_consistent(claim, place)
    return resolve(claim, place, server)


RUN = "/api/2.0/mlflow/runs/get?run_id=R"


def a_run(**info: object) -> bytes:
    known = {"run_id": "R", "artifact_uri": "mlflow-artifacts:/0/R/artifacts", **info}
    return json.dumps({"run": {"info": known, "data": {}}}).encode()


@pytest.fixture
def false_server() -> Iterator[FileServer]:
    with serving({}) as running:
        running.answers[RUN] = 200, {}, a_run()
        yield running


def asked(server: FileServer, credential: str | None = None) -> TrackingServer:
    return TrackingServer(server.url, credential, 5)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b"{}"),
        (200, {}, b"[" * 100_000),
        (200, {}, a_run(run_id="other")),
        (200, {}, a_run(artifact_uri=None)),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (401, {}, b""),
        (500, {}, b""),
    ],
)
def test_a_server_that_is_no_mlflow_is_unavailable(
    false_server: FileServer, answer: tuple[int, dict[str, str], bytes]
) -> None:
    false_server.answers[RUN] = answer
    with asked(false_server) as server, pytest.raises(SourceUnavailableError):
        server.run("R")


def test_an_answer_without_end_is_cut(false_server: FileServer) -> None:
    false_server.answers[RUN] = 200, {}, b" " * (17 << 20)
    with asked(false_server) as server, pytest.raises(SourceUnavailableError):
        server.run("R")


def test_no_server_is_unavailable() -> None:
    with (
        TrackingServer("http://127.0.0.1:9", None, 5) as server,
        pytest.raises(SourceUnavailableError, match="does not answer"),
    ):
        server.run("R")


@pytest.mark.parametrize(
    ("credential", "sent"),
    [
        (None, None),
        ("a-token", "Bearer a-token"),
        ("ann:se:cret", "Basic " + base64.b64encode(b"ann:se:cret").decode()),
    ],
)
def test_the_credential_goes_to_the_server(
    false_server: FileServer, credential: str | None, sent: str | None
) -> None:
    with asked(false_server, credential) as server:
        server.run("R")
    assert false_server.authorizations == [sent]


@pytest.mark.parametrize(
    "artifact_uri",
    [
        *("models:/m-other", "runs:/other/x", "models:/churn/1", "mlflow-artifacts://evil/0/R"),
        *("s3://b/../c", "mlflow-artifacts:/0/%2e%2e", "https://ann@evil/x", "x" * 600),
    ],
)
def test_a_place_that_would_lead_elsewhere_is_refused(
    false_server: FileServer, artifact_uri: str
) -> None:
    false_server.answers[RUN] = 200, {}, a_run(artifact_uri=artifact_uri)
    with asked(false_server) as server, pytest.raises(InvalidSourceError):
        resolved(server, "runs:/R/model", run_id="R")


def test_the_host_of_the_server_in_a_place_is_its_own(false_server: FileServer) -> None:
    host = false_server.url.removeprefix("http://")
    uri = f"mlflow-artifacts://{host}/0/R/artifacts"
    false_server.answers[RUN] = 200, {}, a_run(artifact_uri=uri)
    with asked(false_server) as server:
        found = resolved(server, "runs:/R/model", run_id="R")
    assert found.place == ProxiedSource("0/R/artifacts/model")


def test_what_is_not_usable_of_a_run_is_left_out() -> None:
    run = {
        "info": {"run_id": "R", "artifact_uri": "s3://b/x", "end_time": "late", "user_id": 7},
        "data": {
            "metrics": [
                {"key": "auc", "value": 0.5},
                {"key": "nan", "value": float("nan")},
                {"key": "large", "value": 10**400},
                {"key": "text", "value": "0.5"},
                {"key": "yes", "value": True},
                {"key": "a\0b", "value": 1},
                {"value": 1},
                "metric",
            ],
            "params": [{"key": "depth", "value": "3"}, {"key": "x", "value": "\ud800"}, None],
            "tags": [{"key": "mlflow.source.git.commit", "value": "not a commit"}],
        },
        "inputs": {"dataset_inputs": [{"dataset": {"name": ""}}, {}, {"dataset": {"name": "d"}}]},
        "outputs": {"model_outputs": [{"model_id": "m-1"}, {"model_id": None}]},
    }
    assert UpstreamRun.of(run) == UpstreamRun(
        run_id="R",
        artifact_uri="s3://b/x",
        metrics={"auc": 0.5},
        not_finite=frozenset({"nan", "large", "text", "yes"}),
        params={"depth": "3"},
        datasets=(UpstreamDataset(name="d", digest=None),),
        model_ids=("m-1",),
    )
    assert UpstreamModel.of({"info": {"model_id": "m-1"}}) is None


LOGGED = {
    "model": {
        "info": {
            "model_id": "m-1",
            "name": "model",
            "artifact_uri": "mlflow-artifacts:/0/models/m-1/artifacts",
            "source_run_id": "R",
        }
    }
}


@pytest.mark.parametrize(
    ("source", "run_id", "model_id", "place"),
    [
        ("runs:/R/model", "R", None, "0/models/m-1/artifacts"),
        ("runs:/R/other", "R", None, "0/R/artifacts/other"),
        ("models:/m-1", None, "m-1", "0/models/m-1/artifacts"),
        ("models:/m-1", "R", "m-1", "0/models/m-1/artifacts"),
        ("mlflow-artifacts:/0/models/m-1/artifacts/x", "R", None, "0/models/m-1/artifacts/x"),
        ("mlflow-artifacts:/0/models/m-1/artifacts/x", None, "m-1", "0/models/m-1/artifacts/x"),
        ("mlflow-artifacts:/0/R/artifacts/x", "R", None, "0/R/artifacts/x"),
    ],
)
def test_a_source_is_within_its_run_or_model(
    false_server: FileServer, source: str, run_id: str | None, model_id: str | None, place: str
) -> None:
    run = json.loads(a_run())
    run["run"]["outputs"] = {"model_outputs": [{"model_id": "m-1"}]}
    false_server.answers[RUN] = 200, {}, json.dumps(run).encode()
    path = "/api/2.0/mlflow/logged-models/m-1"
    false_server.answers[path] = 200, {}, json.dumps(LOGGED).encode()
    with asked(false_server) as server:
        found = resolved(server, source, run_id, model_id)
    assert found.place == ProxiedSource(place)
    assert found.run is not None
    assert found.run.run_id == "R"


@pytest.mark.parametrize(
    ("source", "run_id", "model_id"),
    [
        ("mlflow-artifacts:/0/R2/artifacts", "R", None),
        ("mlflow-artifacts:/0/R/artifacts-2", "R", None),
        ("mlflow-artifacts:/0/models/m-2/artifacts", None, "m-1"),
        ("models:/m-1", "R2", "m-1"),
        ("models:/m-2", None, "m-2"),
        ("runs:/R2/model", "R2", None),
    ],
)
def test_a_source_outside_its_run_or_model_is_refused(
    false_server: FileServer, source: str, run_id: str | None, model_id: str | None
) -> None:
    path = "/api/2.0/mlflow/logged-models/m-1"
    false_server.answers[path] = 200, {}, json.dumps(LOGGED).encode()
    with (
        asked(false_server) as server,
        pytest.raises(InvalidSourceError, match="must identify the resource that contains"),
    ):
        resolved(server, source, run_id, model_id)
