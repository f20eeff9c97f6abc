"""The way back: models of a registry in a running MLflow server, or in a folder."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from pedigree.errors import InvalidInputError, OriginUnavailableError
from pedigree.registry import Registry
from pedigree.transfer.exporting import Destination, OutgoingFiles, export_to
from pedigree.transfer.mlflow_api import MlflowApi, MlflowLogin
from pedigree.transfer.mlflow_folder import MlflowFolder
from pedigree.transfer.mlflow_writer import MlflowWriter
from pedigree.transfer.opening import open_origin
from pedigree.transfer.outgoing import OutgoingModel, OutgoingVersion
from pedigree.transfer.planning import WantedModels
from pedigree.transfer.report import Fate, RegistryPart
from tests.cli.conftest import Cli
from tests.factories import COMMIT, free_policy, register, register_candidate
from tests.transfer.mlflow import ARTIFACTS, Mlflow

pytestmark = pytest.mark.xdist_group("mlflow")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model that no other test has at the server, with all that a filter must quote."""
    return f'it\'s "{request.node.name[:60]}" ü'


@pytest.fixture
def filled(registry: Registry, tmp_path: Path, name: str) -> Registry:
    """Versions 1, 2 and 4; 3 is deleted."""
    registry.create_model(name, description="Who leaves", tags={"team": "crm"})
    registry.set_policy(name, free_policy())
    for number in (1, 2, 3, 4):
        register(
            registry,
            tmp_path,
            f"bytes {number}",
            name,
            tags={"number": str(number)},
            description=f"no. {number}",
            metrics={"auc": 0.9 + number / 1000},
            params={"depth": number, "mode": "fast"},
        )
    registry.delete(f"{name}/3", reason="wrong")
    registry.promote(f"{name}/2", "production")
    registry.set_alias(name, "champion", 2)
    return registry


@pytest.fixture
def writer(mlflow: Mlflow) -> Iterator[MlflowWriter]:
    with MlflowApi(mlflow.url) as api:
        yield MlflowWriter(api)


def test_a_server_has_the_same_numbers_tags_stages_aliases_and_bytes(
    filled: Registry, writer: MlflowWriter, mlflow: Mlflow, name: str
) -> None:
    report = export_to(filled, writer, WantedModels())
    assert report.is_complete
    assert report.counts[RegistryPart.VERSION] == {Fate.CARRIED: 3}
    with open_origin(mlflow.url, None, MlflowLogin()) as origin:
        model = next(model for model in origin.models() if model.name == name)
        versions = [version for version in origin.versions() if version.name == name]
        facts = origin.facts(versions[2])
    assert (model.description, model.tags) == ("Who leaves", {"team": "crm"})
    assert model.aliases == {"champion": 2}
    assert [version.number for version in versions] == [1, 2, 4]
    assert [version.tags["number"] for version in versions] == ["1", "2", "4"]
    assert [version.stage for version in versions] == ["None", "Production", "None"]
    assert versions[0].description == "no. 1"
    assert facts.run is not None
    assert facts.run.metrics == {"auc": 0.904}
    assert facts.run.params == {"depth": "4", "mode": "fast"}
    assert facts.run.tags["mlflow.source.git.commit"] == COMMIT
    path = versions[2].source.removeprefix("mlflow-artifacts:/")
    assert httpx2.get(f"{mlflow.url}{ARTIFACTS}/{path}/model.bin").content == b"bytes 4"


def test_a_further_export_brings_only_what_changed(
    filled: Registry, writer: MlflowWriter, mlflow: Mlflow, name: str
) -> None:
    export_to(filled, writer, WantedModels())
    again = export_to(filled, writer, WantedModels())
    assert again.counts[RegistryPart.VERSION] == {Fate.UNCHANGED: 3}
    filled.update(f"{name}/1", tags={"number": None, "new": "1"}, description=None)
    filled.set_alias(name, "champion", 4)
    later = export_to(filled, writer, WantedModels())
    assert later.counts[RegistryPart.VERSION] == {Fate.CARRIED: 1, Fate.UNCHANGED: 2}
    assert later.counts[RegistryPart.ALIAS] == {Fate.CARRIED: 1}
    there = mlflow.call("GET", "model-versions/get", name=name, version="1")["model_version"]
    assert there["tags"] == [{"key": "new", "value": "1"}]
    assert there["description"] == ""


def test_another_version_of_the_number_is_left_alone(
    filled: Registry, writer: MlflowWriter, mlflow: Mlflow, name: str
) -> None:
    mlflow.model(name)
    mlflow.version(name, "s3://bucket/theirs")
    report = export_to(filled, writer, WantedModels())
    refused = [(line.version, line.reason) for line in report.lines]
    assert refused == [(1, "MLflow has another version of this number")]
    assert report.counts[RegistryPart.VERSION] == {Fate.CARRIED: 2, Fate.REFUSED: 1}


class Interrupted:
    """A destination that breaks after some versions."""

    def __init__(self, to: Destination, versions: int) -> None:
        self._to = to
        self._left = versions
        self.uri = to.uri

    def put_model(self, model: OutgoingModel) -> Fate:
        return self._to.put_model(model)

    def put_version(self, version: OutgoingVersion, files: OutgoingFiles) -> Fate:
        if not self._left:
            raise OriginUnavailableError("the line is cut")
        self._left -= 1
        return self._to.put_version(version, files)

    def put_aliases(self, model: OutgoingModel) -> Fate:
        return self._to.put_aliases(model)


def test_an_interrupted_export_goes_on(filled: Registry, writer: MlflowWriter, name: str) -> None:
    with pytest.raises(OriginUnavailableError):
        export_to(filled, Interrupted(writer, 1), WantedModels())
    report = export_to(filled, writer, WantedModels())
    assert report.counts[RegistryPart.VERSION] == {Fate.CARRIED: 2, Fate.UNCHANGED: 1}


def test_a_folder_has_the_documented_layout(filled: Registry, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    with pytest.raises(OriginUnavailableError):
        export_to(filled, Interrupted(MlflowFolder(folder), 2), WantedModels())
    assert export_to(filled, MlflowFolder(folder), WantedModels()).is_complete
    (model,) = (path for path in folder.iterdir() if path.is_dir())
    assert sorted(path.name for path in model.iterdir()) == [
        "1",
        "2",
        "4",
        "aliases.json",
        "model.json",
    ]
    assert json.loads((model / "aliases.json").read_text()) == {"champion": 2}
    version = json.loads((model / "2" / "version.json").read_text())
    assert (version["stage"], version["metrics"]) == ("Production", {"auc": 0.902})
    assert (model / "2" / "artifacts" / "model.bin").read_bytes() == b"bytes 2"
    again = export_to(filled, MlflowFolder(folder), WantedModels())
    assert again.counts[RegistryPart.VERSION] == {Fate.UNCHANGED: 3}


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInputError):
        MlflowFolder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_stage_that_mlflow_lacks_is_reported(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    register_candidate(registry, tmp_path, "bytes", name)
    report = export_to(registry, MlflowFolder(tmp_path / "out"), WantedModels())
    assert [(line.part, line.name) for line in report.lines] == [(RegistryPart.STAGE, "candidate")]


def test_the_command_writes_to_a_server_or_a_folder(
    filled: Registry, cli: Cli, mlflow: Mlflow, name: str
) -> None:
    answer = cli("export", "mlflow", mlflow.url, "--json").json
    assert answer["counts"]["version"] == {"carried": 3}
    text = cli("export", "mlflow", "out").out
    assert "version: 3 carried" in text
    assert "Nothing was left." in text
    assert cli("export", "mlflow", "out", "--filter", "other*", "--json").json["counts"] == {}
