"""What a real tracking server says of the sources that clients of all ages send."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.errors import InvalidSourceError
from pedigree.settings import Settings
from pedigree.sources.claims import OriginClaim, require_consistent
from pedigree.sources.fetching import fetch
from pedigree.sources.mlmodel import stated_model
from pedigree.sources.resolving import ResolvedSource, resolve
from pedigree.sources.upstream import TrackingServer
from pedigree.sources.upstream_records import UpstreamDataset
from pedigree.sources.uri import RegisteredSource, parse_source
from tests.sources.tracking import Tracking

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("tracking")]

IDENTIFY = "request parameter must identify the resource that contains the source"


@pytest.fixture
def server(tracked: Tracking) -> Iterator[TrackingServer]:
    with TrackingServer(tracked.url, None, 10) as asked:
        yield asked


def resolved(
    server: TrackingServer, source: str, run_id: str | None = None, model_id: str | None = None
) -> ResolvedSource:
    place = parse_source(source)
    assert not isinstance(place, RegisteredSource)
    claim = OriginClaim(source=source, run_id=run_id, model_id=model_id)
    require_consistent(claim, place)
    return resolve(claim, place, server)


def files_of(server: TrackingServer, found: ResolvedSource, folder: Path) -> set[str]:
    fetch("the source", found.place, folder, Settings(), server=server)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_2x_client_names_the_location_of_a_run(
    tracked: Tracking, server: TrackingServer, tmp_path: Path
) -> None:
    found = resolved(server, f"{tracked.artifact_uri}/old model", run_id=tracked.run_id)
    run = found.run
    assert run is not None
    assert (run.run_id, run.git_commit) == (tracked.run_id, "0123456789abcdef")
    assert (run.params["depth"], run.metrics) == ("3", {"auc": 0.75})
    assert run.datasets == (UpstreamDataset(name="customers", digest=tracked.digest),)
    assert files_of(server, found, tmp_path) == {"MLmodel", "weights.bin"}


def test_a_3x_client_names_a_logged_model(
    tracked: Tracking, server: TrackingServer, tmp_path: Path
) -> None:
    found = resolved(server, f"models:/{tracked.model_id}", model_id=tracked.model_id)
    assert found.run is not None
    assert found.model is not None
    assert (found.run.run_id, found.model.model_id) == (tracked.run_id, tracked.model_id)
    assert "MLmodel" in files_of(server, found, tmp_path)
    stated = stated_model(tmp_path)
    assert (stated.flavor, stated.model_id) == ("mlflow", tracked.model_id)
    assert stated.signature is not None


def test_both_clients_get_the_same_place_and_run(tracked: Tracking, server: TrackingServer) -> None:
    new = resolved(server, f"models:/{tracked.model_id}", model_id=tracked.model_id)
    named = resolved(server, f"runs:/{tracked.run_id}/model", run_id=tracked.run_id)
    both = resolved(
        server, f"models:/{tracked.model_id}", run_id=tracked.run_id, model_id=tracked.model_id
    )
    at_place = resolved(server, new.place.uri, run_id=tracked.run_id)
    assert new == named == both == at_place


def test_a_path_of_a_run_is_found_among_its_artifacts(
    tracked: Tracking, server: TrackingServer, tmp_path: Path
) -> None:
    found = resolved(server, f"runs:/{tracked.run_id}/old model/weights.bin", tracked.run_id)
    assert files_of(server, found, tmp_path) == {"weights.bin"}
    absent = resolved(server, f"runs:/{tracked.run_id}/absent", tracked.run_id)
    with pytest.raises(InvalidSourceError, match="has no file"):
        files_of(server, absent, tmp_path)


@pytest.mark.parametrize(
    ("source", "run_id", "model_id"),
    [
        ("{artifact_uri}/old model", "{other}", None),
        ("{artifact_uri}/old model", "0" * 32, None),
        ("{artifact_uri}-2/old model", "{run_id}", None),
        ("mlflow-artifacts:/", "{run_id}", None),
        ("mlflow-artifacts:/x", "{run_id}", None),
        ("{artifact_uri}/old model", None, "{model_id}"),
        ("{artifact_uri}/old model", None, "m-" + "0" * 32),
        ("runs:/{run_id}/model", "{other}", None),
        ("runs:/{zeros}/model", "{zeros}", None),
        ("models:/{model_id}", "{other}", "{model_id}"),
        ("models:/m-{zeros}", None, "m-{zeros}"),
    ],
)
def test_a_source_of_somebody_elses_run_is_refused(
    source: str,
    run_id: str | None,
    model_id: str | None,
    tracked: Tracking,
    server: TrackingServer,
) -> None:
    known = {**tracked._asdict(), "zeros": "0" * 32}
    given = [each.format(**known) if each else None for each in (source, run_id, model_id)]
    with pytest.raises(InvalidSourceError, match=f"{IDENTIFY}|names no path"):
        resolved(server, given[0] or "", *given[1:])


def test_a_bucket_outside_a_run_has_none_of_its_lineage(
    tracked: Tracking, server: TrackingServer
) -> None:
    found = resolved(server, "s3://elsewhere/model", run_id=tracked.run_id)
    assert (found.run, found.model) == (None, None)
    of_model = resolved(server, "s3://elsewhere/model", model_id=tracked.model_id)
    assert (of_model.run, of_model.model) == (None, None)


def test_the_tag_of_a_logged_model_names_its_versions_once(
    tracked: Tracking, server: TrackingServer
) -> None:
    for version in (1, 2, 2):
        server.note_version(tracked.model_id, "noted", version)
    model = server.model(tracked.model_id)
    assert model is not None
    noted = json.loads(model.tags["mlflow.modelVersions"])  # other tests add other models' versions
    assert [each for each in noted if each["name"] == "noted"] == [
        {"name": "noted", "version": "1"},
        {"name": "noted", "version": "2"},
    ]
    server.note_version("m-" + "0" * 32, "churn", 3)  # deleted since: nothing to note
