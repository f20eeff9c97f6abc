"""Models of a real MLflow server in a registry: numbers, parts, bytes, and runs that go on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.catalog.records import SealState
from pedigree.errors import NotFoundError, OriginUnavailableError
from pedigree.lifecycle.policy import default_policy, open_policy
from pedigree.lifecycle.records import Policy
from pedigree.registry import Registry
from pedigree.transfer.importing import ImportOptions, MlflowImport
from pedigree.transfer.mlflow_api import MlflowLogin
from pedigree.transfer.opening import open_artifacts, open_origin
from pedigree.transfer.origin_records import OriginVersion
from pedigree.transfer.planning import WantedModels
from pedigree.transfer.preparing import PreparedVersion, VersionPreparer
from pedigree.transfer.report import Fate, RegistryPart, TransferReport
from tests.cli.conftest import Cli
from tests.factories import register
from tests.transfer.mlflow import MLMODEL, Mlflow

pytestmark = pytest.mark.xdist_group("mlflow")

COMMIT = "0123456789abcdef" * 2


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model that no other test has at the server."""
    return f"import of {request.node.originalname[5:80]}"


@pytest.fixture
def theirs(mlflow: Mlflow, name: str) -> Mlflow:
    """Versions 1, 3 and 4 of one model; 2 and 5 were deleted."""
    mlflow.model(name, description="Who leaves", tags=[{"key": "team", "value": "crm"}])
    for number in (1, 2, 3, 4, 5):
        content = {"MLmodel": MLMODEL.encode(), "data/model.pkl": f"bytes {number % 2}".encode()}
        run_id = mlflow.run({"auc": 0.9, "loss": float("nan")}, {"depth": "3"}, content)
        tags = [{"key": "number", "value": str(number)}]
        given = {"description": f"no. {number}", "tags": tags, **mlflow.of_run(run_id)}
        assert mlflow.version(name, **given) == number
    mlflow.delete(name, 2)
    mlflow.delete(name, 5)
    mlflow.stage(name, 3, "Production")
    mlflow.stage(name, 4, "Production")
    mlflow.alias(name, "champion", 3)
    return mlflow


Bring = Callable[..., TransferReport]


@pytest.fixture
def bring(registry: Registry, mlflow: Mlflow, name: str) -> Bring:
    """Import the model of the test: `bring(policy=…, from_database=True)`."""

    def run(
        *,
        policy: Policy | None = None,
        renames: dict[str, str] | None = None,
        by_reference: tuple[str, ...] = (),
        from_database: bool = False,
        preparer: Callable[..., VersionPreparer] = VersionPreparer,
    ) -> TransferReport:
        options = ImportOptions(
            WantedModels((name,), renames or {}), policy or open_policy(), by_reference
        )
        where = mlflow.database if from_database else None
        with (
            open_origin(mlflow.url, where, MlflowLogin()) as origin,
            open_artifacts(mlflow.url, MlflowLogin()) as server,
        ):
            made = preparer(registry, origin, server)
            return MlflowImport(registry, origin, made, options).run()

    return run


def numbers(registry: Registry, name: str) -> list[int]:
    return [version.version_id for version in registry.versions(name)]


def test_all_that_mlflow_has_is_here_under_the_same_numbers(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str, tmp_path: Path
) -> None:
    report = bring(from_database=True)
    assert {line.part for line in report.lines} == {RegistryPart.METRIC}
    assert report.counts[RegistryPart.VERSION] == {Fate.CARRIED: 3}
    assert report.counts[RegistryPart.TOMBSTONE] == {Fate.CARRIED: 2}
    assert numbers(registry, name) == [1, 3, 4]
    model, third = registry.model(name), registry.get(f"{name}/3")
    assert model.latest_version == 5
    assert (model.description, model.tags) == ("Who leaves", {"team": "crm"})
    assert model.aliases == {"champion": 3}
    assert model.stages["production"] == (3, 4)
    assert (third.description, third.tags) == ("no. 3", {"number": "3"})
    assert (third.metrics, third.params) == ({"auc": 0.9}, {"depth": "3"})
    assert (third.git_commit, third.git_source) == (COMMIT, "mlflow")
    assert third.signature is not None
    assert third.state is SealState.SEALED
    registry.pull(f"{name}/3", tmp_path / "pulled")
    assert (tmp_path / "pulled" / "data" / "model.pkl").read_bytes() == b"bytes 1"
    # Equal bytes under several numbers are one artifact.
    assert third.digest == registry.get(f"{name}/1").digest
    lineage = registry.lineage(f"{name}/3")
    assert "mlflow/datasets/customers" in {node.asset for node in lineage.nodes}


def test_times_and_users_are_claimed_and_the_log_dates_the_import(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str
) -> None:
    there = theirs.call("GET", "model-versions/get", name=name, version="3")["model_version"]
    bring()
    source = registry.operations.sealing.source(f"{name}/3")
    assert source is not None
    assert source.claimed is not None
    created = registry.get(f"{name}/3")
    assert source.run_id == there["run_id"]
    assert source.claimed["origin"] == theirs.url
    assert str(source.claimed["created_at"]) < created.created_at.isoformat()
    assert created.created_by == "tester"
    events = [each for each in registry.events(limit=1000) if each.type == "registry.imported"]
    assert [each.actor.name for each in events] == ["tester"]
    assert events[0].body["carried"]["version"] == 3


def test_a_second_run_changes_nothing_and_a_third_one_only_what_changed_there(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str, tmp_path: Path
) -> None:
    bring()
    head = registry.operations.audit.log_head()
    again = bring()
    assert again.counts[RegistryPart.VERSION] == {Fate.UNCHANGED: 3}
    assert registry.operations.audit.log_head() == head
    registry.update(f"{name}/1", description="ours")
    registry.set_alias(name, "champion", 1)
    theirs.call("POST", "model-versions/set-tag", name=name, version="1", key="new", value="x")
    theirs.stage(name, 4, "None")
    theirs.delete(name, 3)
    run_id = theirs.run({}, {}, {"MLmodel": MLMODEL.encode()})
    theirs.version(name, **theirs.of_run(run_id))
    bring()
    first = registry.get(f"{name}/1")
    assert (first.description, first.tags) == ("ours", {"number": "1", "new": "x"})
    assert registry.model(name).aliases == {"champion": 1}
    assert numbers(registry, name) == [1, 4, 6]
    assert registry.get(f"{name}/4").stage == "none"


def test_a_model_by_reference_says_where_its_bytes_are(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str
) -> None:
    report = bring(by_reference=("import of *",))
    assert RegistryPart.FILES not in report.counts
    version = registry.get(f"{name}/3")
    assert (version.state, version.digest) == (SealState.REFERENCE, None)
    assert theirs.url in str(version.state_reason)
    source = registry.operations.sealing.source(version.reference)
    assert source is not None
    assert source.location == f"mlflow-artifacts:/0/{source.run_id}/artifacts/model"


def test_bytes_that_cannot_be_fetched_leave_a_reference_and_are_reported(
    mlflow: Mlflow, registry: Registry, bring: Bring, name: str
) -> None:
    mlflow.model(name)
    mlflow.version(name, "dbfs:/models/churn")
    report = bring()
    assert [(line.part, line.version) for line in report.lines] == [(RegistryPart.FILES, 1)]
    assert registry.get(f"{name}/1").state is SealState.REFERENCE


class CutOff(VersionPreparer):
    """Loses its line after two versions."""

    def prepare(self, version: OriginVersion, *, with_bytes: bool) -> PreparedVersion:
        if version.number > 3:
            raise OriginUnavailableError("the line is cut")
        return super().prepare(version, with_bytes=with_bytes)


def test_an_interrupted_run_goes_on(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str
) -> None:
    with pytest.raises(OriginUnavailableError):
        bring(preparer=CutOff)
    assert numbers(registry, name) == [1, 3]
    report = bring()
    assert numbers(registry, name) == [1, 3, 4]
    assert report.counts[RegistryPart.VERSION] == {Fate.CARRIED: 1, Fate.UNCHANGED: 2}


def test_a_model_that_is_here_already_is_left_alone(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str, tmp_path: Path
) -> None:
    register(registry, tmp_path, "ours", name)
    report = bring()
    assert [line.part for line in report.lines] == [RegistryPart.MODEL]
    assert numbers(registry, name) == [1]
    renamed = bring(renames={name: "elsewhere"})
    assert renamed.counts[RegistryPart.MODEL] == {Fate.RENAMED: 1}
    assert numbers(registry, "elsewhere") == [1, 3, 4]


def test_a_policy_of_ones_own_keeps_its_gates(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str
) -> None:
    report = bring(policy=default_policy())
    assert {line.part for line in report.lines} == {RegistryPart.METRIC, RegistryPart.STAGE}
    with pytest.raises(NotFoundError):
        registry.get(f"{name}@production")


def test_an_imported_registry_is_whole(
    theirs: Mlflow, registry: Registry, bring: Bring, name: str
) -> None:
    bring(from_database=True)
    assert [check for check in registry.fsck().checks if check.violations] == []


def test_the_command_imports(theirs: Mlflow, cli: Cli, name: str) -> None:
    words = ("import", "mlflow", theirs.url, "--filter", name, "--json")
    answer = cli(*words)
    assert (answer.code, answer.json["counts"]["version"]) == (1, {"carried": 3})
    assert cli("show", f"{name}/3", "--json").json["version"]["state"] == "sealed"
