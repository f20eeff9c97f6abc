"""Reading a registry of MLflow: from its server and from its database, with the same result."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pedigree.errors import (
    InvalidInputError,
    InvalidNameError,
    OriginRefusedError,
    OriginUnavailableError,
)
from pedigree.lifecycle.policy import open_policy
from pedigree.transfer.mlflow_api import MlflowLogin
from pedigree.transfer.naming import name_models, read_renames
from pedigree.transfer.opening import open_origin
from pedigree.transfer.origin import Origin
from pedigree.transfer.planning import WantedModels, plan
from pedigree.transfer.report import Fate, RegistryPart, TransferReport
from tests.cli.conftest import Cli
from tests.transfer.mlflow import MLMODEL, Mlflow

pytestmark = pytest.mark.xdist_group("mlflow")


@pytest.fixture(scope="module")
def filled(mlflow: Mlflow) -> Mlflow:
    mlflow.model("churn", description="Who leaves", tags=[{"key": "team", "value": "crm"}])
    run_id = mlflow.run(
        {"auc": 0.91, "loss": float("nan")},
        {"depth": "3"},
        {"MLmodel": MLMODEL.encode(), "model.pkl": b"bytes"},
    )
    source = mlflow.of_run(run_id)
    for number in (1, 2, 3, 4):
        tags = [{"key": "number", "value": str(number)}, {"key": "", "value": "x"}][:1]
        assert mlflow.version("churn", tags=tags, description=f"no. {number}", **source) == number
    mlflow.delete("churn", 2)
    mlflow.delete("churn", 4)
    mlflow.stage("churn", 3, "Production")
    mlflow.alias("churn", "champion", 3)
    mlflow.alias("churn", "production", 1)
    for name in ("Churn", "a@b", "empty"):
        mlflow.model(name)
    return mlflow


@pytest.fixture(params=["server", "database", "both"])
def origin(request: pytest.FixtureRequest, filled: Mlflow) -> Iterator[Origin]:
    where = {
        "server": (filled.url, None),
        "database": (filled.database, None),
        "both": (filled.url, filled.database),
    }[request.param]
    with open_origin(*where, MlflowLogin()) as opened:
        yield opened


def test_models_have_their_tags_aliases_and_times(origin: Origin) -> None:
    models = {model.name: model for model in origin.models()}
    churn = models["churn"]
    assert {"churn", "Churn", "a@b", "empty"} <= set(models)
    assert (churn.description, churn.tags) == ("Who leaves", {"team": "crm"})
    assert churn.aliases == {"champion": 3, "production": 1}
    assert churn.created_at is not None
    assert churn.created_at <= datetime.now(UTC)


def test_versions_ascend_and_have_all_that_mlflow_has_of_them(origin: Origin) -> None:
    first, third = (version for version in origin.versions() if version.name == "churn")
    assert (first.number, third.number) == (1, 3)
    assert (third.stage, first.stage) == ("Production", "None")
    assert (third.description, third.tags) == ("no. 3", {"number": "3"})
    assert third.source == f"mlflow-artifacts:/0/{third.run_id}/artifacts/model"


def test_a_run_is_read_with_its_metrics_params_and_datasets(origin: Origin) -> None:
    version = next(version for version in origin.versions() if version.name == "churn")
    facts = origin.facts(version)
    run = facts.run
    assert run is not None
    assert facts.location == version.source
    assert run.metrics["auc"] == 0.91
    assert str(run.metrics["loss"]) == "nan"
    assert run.params == {"depth": "3"}
    assert run.user == "ada"
    assert run.started_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert run.tags["mlflow.source.git.commit"] == "0123456789abcdef" * 2
    dataset = run.datasets[0]
    assert (dataset.name, dataset.digest, dataset.context) == ("customers", "d1g35t", "training")


def test_only_a_database_says_which_numbers_were_deleted(filled: Mlflow) -> None:
    with open_origin(filled.database, None, MlflowLogin()) as database:
        assert database.deleted()["churn"] == [2, 4]
    with open_origin(filled.url, None, MlflowLogin()) as server:
        assert server.deleted() is None


OURS = ("churn", "Churn", "a@b", "empty")
"""The models of these tests; others make more at the same server."""


def counts(report: TransferReport, part: RegistryPart) -> dict[Fate, int]:
    return report.counts.get(part, {})


def test_a_plan_counts_what_would_be_carried_and_names_the_rest(origin: Origin) -> None:
    report = plan(origin, WantedModels(OURS), open_policy())
    refused = {(line.part, line.model, line.name) for line in report.lines}
    assert refused == {
        (RegistryPart.MODEL, "a@b", None),
        (RegistryPart.MODEL, "churn", None),
    }
    assert not report.is_complete


def test_a_rename_makes_room_for_names_that_are_refused(origin: Origin) -> None:
    wanted = WantedModels(OURS, renames={"a@b": "a-b", "Churn": "churn-old"})
    report = plan(origin, wanted, open_policy())
    renamed = {line.model: line.name for line in report.lines if line.fate is Fate.RENAMED}
    assert renamed == {"a@b": "a-b", "Churn": "churn-old"}
    assert counts(report, RegistryPart.MODEL) == {Fate.CARRIED: 2, Fate.RENAMED: 2}
    assert counts(report, RegistryPart.VERSION) == {Fate.CARRIED: 2}
    assert counts(report, RegistryPart.STAGE) == {Fate.CARRIED: 1}
    assert counts(report, RegistryPart.ALIAS) == {Fate.CARRIED: 1, Fate.REFUSED: 1}
    # A server does not say that version 4 was deleted.
    gone = 1 if origin.deleted() is None else 2
    assert counts(report, RegistryPart.TOMBSTONE) == {Fate.CARRIED: gone}


def test_a_filter_leaves_other_models_alone(filled: Mlflow) -> None:
    with open_origin(filled.url, None, MlflowLogin()) as server:
        report = plan(server, WantedModels(("empt*", "nothing")), open_policy())
    assert report.counts == {RegistryPart.MODEL: {Fate.CARRIED: 1}}
    assert report.is_complete


def test_a_database_is_opened_read_only(filled: Mlflow) -> None:
    import sqlalchemy

    with open_origin(filled.database, None, MlflowLogin()) as database:
        engine = database._engine  # type: ignore[attr-defined]  # the boundary under test
        with engine.connect() as connection, pytest.raises(sqlalchemy.exc.OperationalError):
            connection.execute(sqlalchemy.text("DELETE FROM registered_models"))


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("http://127.0.0.1:1", OriginUnavailableError),
        ("sqlite:////nonexistent/mlflow.db", OriginUnavailableError),
        ("postgresql://u:secret@127.0.0.1:1/x", OriginUnavailableError),
        ("oracle://x", InvalidInputError),
        ("mlflow.example.com", InvalidInputError),
        ("", InvalidInputError),
    ],
)
def test_what_is_no_registry_of_mlflow_is_a_typed_error_without_the_password(
    uri: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedigree.transfer.mlflow_api._PAUSES", ())
    with pytest.raises(error) as caught, open_origin(uri, None, MlflowLogin()) as opened:
        list(opened.models())
    assert "secret" not in str(caught.value)


def test_another_web_server_is_refused(filled: Mlflow) -> None:
    with (
        open_origin(f"{filled.url}/static-files", None, MlflowLogin()) as opened,
        pytest.raises(OriginRefusedError),
    ):
        list(opened.models())


def test_a_renamed_name_takes_precedence_over_its_twin() -> None:
    found = name_models(["churn", "x"], {"x": "Churn"})
    assert (found["x"].name, found["churn"].name) == ("Churn", None)
    assert "--rename" in (found["churn"].reason or "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("- a", InvalidInputError),
        ("a: 1", InvalidInputError),
        ("a: [", InvalidInputError),
        ("a: b@c", InvalidNameError),
    ],
)
def test_a_file_of_renames_that_is_wrong_is_refused(
    text: str, error: type[Exception], tmp_path: Path
) -> None:
    file = tmp_path / "renames.yaml"
    file.write_text(text)
    with pytest.raises(error):
        read_renames(file)


def test_the_command_reports_what_it_would_do_and_ends_with_1_if_anything_is_left(
    filled: Mlflow, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "names.yaml").write_text('"Churn": churn-old\n"a@b": a-b\n')
    words = ("import", "mlflow", filled.url, "--registry", filled.database, "--dry-run")
    only = [word for name in OURS for word in ("--filter", name)]
    answer = cli(*words, *only, "--rename", "names.yaml", "--json")
    assert answer.code == 1
    assert answer.json["counts"]["model"] == {"carried": 2, "renamed": 2}
    assert [line["part"] for line in answer.json["lines"] if line["fate"] == "refused"] == ["alias"]
    text = cli(*words, *only).out
    assert "churn: model refused: 'churn' is also the name of 'Churn'" in text
    assert text.startswith(f"Would carry {filled.database}\n")
    assert cli(*words, "--filter", "empty").code == 0
    assert cli("models", "--json").items == []
