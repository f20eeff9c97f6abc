"""The effect of each command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pedigree.cli.main import app
from pedigree.failures.member_loop import MemberLoop
from pedigree.postgres.database import Database
from tests.cli.conftest import COMMIT, Answer, Cli, either_way

Register = Callable[..., Answer]

FULL = (
    *("--metric", "auc=0.91", "--metric", "f1=0.5", "--param", "depth=3", "--param", "loss=log"),
    *("--tag", "team=growth", "--owner", "ann@example.com", "--description", "who leaves"),
    *("--training-data-digest", "sha256:" + "a" * 64),
)


@either_way
def test_register_checks_the_version_writes_its_card_and_prints_how_to_load_it(
    register: Register, cli: Cli
) -> None:
    answer = register("weights", *FULL)
    assert answer.code == 0, answer.err
    document = answer.json
    version = document["version"]
    assert document["created"] is True
    assert (version["model_name"], version["version_id"]) == ("churn", 1)
    assert version["metrics"] == {"auc": 0.91, "f1": 0.5}
    assert version["params"] == {"depth": 3, "loss": "log"}
    assert version["git_commit"] == COMMIT
    assert version["stage"] == "candidate"
    assert "Now: stage candidate" in cli("card", "churn/1", "--json").json["markdown"]
    assert {verdict["check"] for verdict in document["verdicts"]} == {
        "metadata_complete",
        "signature_compatible",
        "artifact_intact",
    }
    assert "registry.load('churn/1')" in document["snippet"]
    types = [event["type"] for event in cli("events", "--json").items]
    assert types.count("version.check_recorded") == 3  # each once


def test_registering_the_same_bytes_again_adds_the_run_to_the_version(
    register: Register, cli: Cli, required: list[object], model: Path
) -> None:
    first = cli("register", "churn", model, *required, "--json").json
    again = cli("register", "churn", model, *required, "--run-id", "run-2", "--json").json
    assert again["created"] is False
    assert again["version"]["version_id"] == first["version"]["version_id"] == 1
    shown = cli("show", "churn/1", "--json").json
    assert [one["metadata"]["run_id"] for one in shown["trainings"]] == ["run-1", "run-2"]


@pytest.mark.parametrize(
    ("variables", "run", "build"),
    [
        ({"PEDIGREE_RUN_ID": "run-9"}, "run-9", None),
        (
            {
                "GITHUB_RUN_ID": "77",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "ann/churn",
            },
            "77",
            "https://github.com/ann/churn/actions/runs/77",
        ),
        ({"CI_PIPELINE_ID": "8", "CI_PIPELINE_URL": "https://ci/8"}, "8", "https://ci/8"),
        ({"BUILD_TAG": "jenkins-churn-4"}, "jenkins-churn-4", "Jenkins jenkins-churn-4"),
    ],
)
def test_the_run_comes_from_the_environment(
    variables: dict[str, str],
    run: str,
    build: str | None,
    cli: Cli,
    required: list[object],
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    place = required.index("--run-id")
    options = required[:place] + required[place + 2 :]
    version = cli("register", "churn", model, *options, "--json").json["version"]
    assert (version["run_id"], version["ci_build"]) == (run, build)


def test_the_environment_is_what_pip_froze_where_the_model_was_trained(
    register: Register, cli: Cli, tmp_path: Path
) -> None:
    frozen = tmp_path / "frozen.txt"
    frozen.write_text("# by pip\nscikit-learn==1.9.1\n-e .\nnumpy==2.4.6\n")
    answer = register("weights", "--environment", frozen)
    assert answer.json["version"]["environment_hash"].startswith("sha256:")
    shown = cli("show", "churn/1", "--json").json
    assert shown["environment"] == ["numpy==2.4.6", "scikit-learn==1.9.1"]


def test_a_signature_is_inferred_from_a_sample(
    cli: Cli, required: list[object], tmp_path: Path
) -> None:
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    from pedigree.flavors.plugins import get_flavor

    rows = pd.DataFrame({"age": [1.0, 2.0, 3.0], "calls": [4, 5, 6]})
    folder = tmp_path / "fitted"
    folder.mkdir()
    get_flavor("sklearn").save(LinearRegression().fit(rows, [1.0, 2.0, 3.0]), folder)
    rows.to_csv(tmp_path / "sample.csv", index=False)
    options = ["--flavor", "sklearn", "--sample", tmp_path / "sample.csv", *required[4:]]
    (model_file,) = folder.iterdir()
    for path in (folder, model_file):
        version = cli("register", "churn", path, *options, "--json").json["version"]
        inputs = [(port["name"], port["type"]) for port in version["signature"]["inputs"]]
        assert inputs == [("age", "double"), ("calls", "long")]
        assert version["version_id"] == 1


def test_a_sample_that_the_model_refuses_names_the_column_and_nothing_is_registered(
    cli: Cli, required: list[object], tmp_path: Path
) -> None:
    from pedigree.flavors.plugins import get_flavor
    from tests.flavors.models import ROWS
    from tests.flavors.test_register_model import linear_model

    folder, sample = tmp_path / "fitted", tmp_path / "sample.csv"
    folder.mkdir()
    get_flavor("sklearn").save(linear_model(), folder)
    options = ["--flavor", "sklearn", "--sample", sample, *required[4:], "--json"]
    ROWS.to_csv(sample)
    refused = cli("register", "churn", folder, *options)
    assert refused.code == 2
    assert refused.error["field"] == "--sample"
    assert "'Unnamed: 0', which the model was not trained with" in refused.error["message"]
    assert "index=False" in refused.error["remedy"]
    ROWS.head(0).to_csv(sample, index=False)
    empty = cli("register", "churn", folder, *options)
    assert (empty.code, empty.error["field"]) == (2, "--sample")
    assert "has no rows" in empty.error["message"]
    assert cli("models", "--json").items == []


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_a_sample_is_a_table_in_any_of_the_usual_files(
    suffix: str, cli: Cli, required: list[object], tmp_path: Path
) -> None:
    import pandas as pd

    from pedigree.flavors.plugins import get_flavor
    from tests.flavors.models import ROWS, xgboost_model

    folder, sample = tmp_path / "fitted", tmp_path / f"sample.{suffix}"
    folder.mkdir()
    get_flavor("xgboost").save(xgboost_model(), folder)
    write = {
        "csv": lambda rows: rows.to_csv(sample, index=False),
        "parquet": pd.DataFrame.to_parquet,
        "arrow": pd.DataFrame.to_feather,
    }[suffix]
    write(ROWS) if suffix == "csv" else write(ROWS, sample)
    options = ["--flavor", "xgboost", "--sample", sample, *required[4:]]
    version = cli("register", "churn", folder, *options, "--json").json["version"]
    assert version["flavor"] == "xgboost"
    inputs = [(port["name"], port["type"]) for port in version["signature"]["inputs"]]
    assert inputs == [("age", "double"), ("calls", "long")]
    assert version["signature"]["outputs"][0]["dtype"] == "int64"


def test_the_signature_of_a_graph_is_read_from_it(
    cli: Cli, required: list[object], tmp_path: Path
) -> None:
    from pedigree.flavors.plugins import get_flavor
    from tests.flavors.models import onnx_model

    folder = tmp_path / "graph"
    folder.mkdir()
    get_flavor("onnx").save(onnx_model(), folder)
    options = ["--flavor", "onnx", *required[4:]]
    for path in (folder, folder / "model.onnx"):
        version = cli("register", "churn", path, *options, "--json").json["version"]
        assert version["version_id"] == 1
        (taken,) = version["signature"]["inputs"]
        assert (taken["name"], taken["dtype"], taken["shape"]) == ("x", "float32", [-1, 2])


def test_the_signature_of_an_mlflow_model_is_read_from_it(
    cli: Cli, required: list[object], model: Path
) -> None:
    (model / "MLmodel").write_text(
        "signature:\n"
        """  inputs: '[{"type": "double", "name": "age", "required": true}]'\n"""
        """  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'\n"""
    )
    options = ["--flavor", "mlflow", *required[4:]]
    version = cli("register", "churn", model, *options, "--json").json["version"]
    assert version["signature"]["inputs"][0]["name"] == "age"


def test_a_pickle_is_asked_for_its_signature_only_with_trust(
    cli: Cli, required: list[object], tmp_path: Path
) -> None:
    import joblib
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    rows = pd.DataFrame({"age": [1.0, 2.0, 3.0]})
    joblib.dump(LinearRegression().fit(rows, rows["age"]), tmp_path / "model.joblib")
    rows.to_csv(tmp_path / "sample.csv", index=False)
    options = ["--flavor", "joblib", "--sample", tmp_path / "sample.csv", *required[4:], "--json"]
    refused = cli("register", "churn", tmp_path / "model.joblib", *options)
    assert refused.code == 2
    assert refused.error["field"] == "trust"
    trusting = cli("register", "churn", tmp_path / "model.joblib", *options, "--trust", "pickle")
    assert trusting.json["version"]["signature"]["inputs"][0]["name"] == "age"


@either_way
def test_show_gives_everything_as_json(register: Register, cli: Cli) -> None:
    register("weights", *FULL)
    document = cli("show", "churn@latest", "--json").json
    assert set(document) == {
        "version",
        "manifest",
        "trainings",
        "environment",
        "lineage",
        "staleness",
        "verdicts",
        "model_card",
        "unmaterialized",
    }
    assert document["manifest"]["files"][0]["path"] == "model.bin"
    assert "# " in document["model_card"]["markdown"]


@either_way
def test_show_for_people_has_every_field_of_the_metadata(register: Register, cli: Cli) -> None:
    register("weights", *FULL)
    shown = cli("show", "churn/1")
    assert shown.code == 0
    for text in (
        *("churn/1", "candidate", "auc 0.91", "depth = 3", "team = growth", "ann@example.com"),
        *("who leaves", COMMIT, "run-1", "age: double", "score: double", "model.bin", "tester"),
        *("sha256:" + "a" * 64, "metadata_complete", "Model card", "legal hold", "risk class"),
        *("validation dataset", "environment", "code version", "CI build", "drift monitor"),
        *("approved by", "datasheet", "stale", "raced", "quarantine"),
        *("predicts as trained", "not possible: its files were registered"),
    ):
        assert text in shown.out, text


def test_models_and_versions_are_listed(register: Register, cli: Cli) -> None:
    assert "No model is registered yet" in cli("models").out
    register("one", *FULL)
    register("two")
    assert "churn" in cli("models").out
    assert [v["version_id"] for v in cli("versions", "churn", "--json").items] == [2, 1]
    assert "auc 0.91" in cli("versions", "churn").out


@either_way
def test_promote_explain_and_roll_back(register: Register, cli: Cli) -> None:
    for content in ("one", "two"):
        register(content, *FULL)
    assert cli("explain", "churn/1", "--to", "staging", "--json").json["passed"] is True
    assert cli("explain", "churn/1", "--to", "production", "--json").json["passed"] is False
    assert "may not enter production" in cli("explain", "churn/1", "--to", "production").out
    for version in (1, 2):
        # The verdict on churn/2 compared with no champion, and is void now that there is one.
        assert cli("check", f"churn/{version}").code == 0
        assert cli("promote", f"churn/{version}", "--to", "staging").code == 0
        moved = cli("promote", f"churn/{version}", "--to", "production", "--reason", "go")
        assert moved.code == 0, moved.err
    assert "in place of version 1" in moved.out
    again = cli("promote", "churn/2", "--to", "production")
    assert "already" in again.out
    back = cli("rollback", "churn", "--reason", "it lies", "--json").json
    assert (back["version_id"], back["previous_version_id"]) == (1, 2)
    assert cli("show", "churn@production", "--json").json["version"]["version_id"] == 1
    held = [
        one for one in cli("timeline", "churn", "--json").items if "production" in one["pointer"]
    ]
    assert [one["version_id"] for one in held] == [1, 2, 1]
    assert [one["until"] is None for one in held] == [False, False, True]
    assert "it lies" in cli("timeline", "churn").out


def test_a_generation_that_moved_is_a_conflict(register: Register, cli: Cli) -> None:
    register("one", *FULL)
    answer = cli(
        *("promote", "churn/1", "--to", "staging", "--expected-generation", "99", "--json")
    )
    assert (answer.code, answer.error["type"]) == (2, "GenerationConflictError")


def test_aliases_are_set_listed_and_deleted(register: Register, cli: Cli) -> None:
    register()
    assert cli("alias", "set", "churn", "best", "1").code == 0
    assert cli("alias", "list", "churn", "--json").items == [{"alias": "best", "version_id": 1}]
    assert "best" in cli("alias", "list", "churn").out
    assert cli("show", "churn@best", "--json").json["version"]["version_id"] == 1
    assert cli("alias", "delete", "churn", "best").code == 0
    assert cli("alias", "list", "churn", "--json").items == []


def test_a_version_under_legal_hold_cannot_be_deleted(register: Register, cli: Cli) -> None:
    register()
    assert cli("hold", "churn/1", "--reason", "case 7").code == 0
    assert "held: case 7" in cli("show", "churn/1").out
    assert (
        cli("delete", "churn/1", "--reason", "old", "--json").error["type"] == "VersionInUseError"
    )
    assert cli("lift-hold", "churn/1").code == 0
    assert cli("delete", "churn/1", "--reason", "old").code == 0
    assert cli("show", "churn/1").code == 2


def test_update_changes_what_may_change(register: Register, cli: Cli) -> None:
    register("weights", *FULL)
    answer = cli("update", "churn/1", "--description", "who stays", "--tag", "a=b", "--json")
    assert (answer.json["description"], answer.json["tags"]) == (
        "who stays",
        {"a": "b", "team": "growth"},
    )
    removed = ("--unset", "description", "--unset", "tags.team", "--tag", "c=d")
    answer = cli("update", "churn/1", *removed, "--json")
    assert (answer.json["description"], answer.json["tags"]) == (None, {"a": "b", "c": "d"})
    assert cli("update", "churn/1", "--unset", "tags", "--json").json["tags"] == {}
    for wrong in (("tags.c", "--tag", "c=d"), ("tags", "--tag", "c=d"), ("name",), ("owners.x",)):
        assert cli("update", "churn/1", "--unset", *wrong, "--json").error["field"] == "--unset"
    assert answer.json["owners"] == ["ann@example.com"]


@either_way
def test_pull_gives_the_bytes_back(register: Register, cli: Cli, tmp_path: Path) -> None:
    digest = register("weights").json["version"]["digest"]
    answer = cli("pull", "churn/1", tmp_path / "pulled", "--json")
    assert answer.json["digest"] == digest
    assert (tmp_path / "pulled" / "model.bin").read_text() == "weights"
    assert "verified" in cli("pull", "churn/1", tmp_path / "pulled").out


def test_the_python_snippet_runs(
    register: Register, cli: Cli, capfd: pytest.CaptureFixture[str]
) -> None:
    register()
    snippet = cli("snippets", "churn@latest", "--language", "python").out
    found: dict[str, object] = {}
    exec(snippet, found)
    assert isinstance(found["model"], Path)
    assert (found["model"] / "model.bin").read_text() == "weights"


def test_a_failed_check_ends_with_one(register: Register, cli: Cli, home: Path) -> None:
    register("one", *FULL)
    (blob,) = [
        path
        for path in home.glob("objects/blobs/**/*")
        if path.is_file() and path.read_bytes() == b"one"
    ]
    blob.chmod(0o600)
    blob.write_bytes(b"0ne")
    answer = cli("check", "churn/1", "artifact_intact")
    assert answer.code == 1
    assert "failed" in answer.out
    assert cli("check", "churn/1", "nonsense", "--json").error["field"] == "check"


def test_events_are_listed_in_order(register: Register, cli: Cli) -> None:
    register()
    events = cli("events", "--json").items
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    only = cli("events", "--type", "version.created", "--json").items
    assert [event["type"] for event in only] == ["version.created"]
    assert "tester" in cli("events", "--after", events[0]["seq"]).out
    assert cli("events", "--type", "nonsense", "--json").error["field"] == "--type"


def test_lineage_of_a_version_without_an_asset_graph(register: Register, cli: Cli) -> None:
    register()
    document = cli("lineage", "churn/1", "--json").json
    assert document["reference"] == "churn/1"
    assert "churn/1" in cli("lineage", "churn/1").out


def test_the_schema_is_the_committed_one(cli: Cli) -> None:
    committed = Path(__file__).parents[2] / "model-metadata.json"
    assert cli("schema").json == json.loads(committed.read_text())
    assert cli("schema", "--json").out == cli("schema").out


def test_status_hides_the_password(cli: Cli, home: Path, database_url: str) -> None:
    password = database_url.split(":")[2].split("@", maxsplit=1)[0]
    answer = cli("status", "--json")
    assert answer.json["home"] == str(home)
    assert answer.json["database"]["schema"] == "current"
    assert answer.json["server"] == {"up": False, "url": None}
    assert answer.json["versions"]["pedigree-registry"]
    assert password not in answer.out
    assert password not in cli("status").out


def test_status_shows_what_fails_in_the_background(cli: Cli, database_url: str) -> None:
    assert cli("status", "--json").json["failing"] == []
    assert "nothing" in cli("status").out
    with Database.connect(database_url) as database:
        MemberLoop(database, "mirror").fail("churn", "its event has no generation", model="churn")
    (failure,) = cli("status", "--json").json["failing"]
    assert (failure["work"], failure["member"], failure["attempts"]) == ("mirror", "churn", 1)
    assert "mirror: churn" in cli("status").out


def test_status_of_an_embedded_registry_starts_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEDIGREE_DATABASE_URL")
    empty = tmp_path / "empty"
    answer = cli("status", "--json", PEDIGREE_HOME=str(empty))
    assert answer.json["database"]["state"] == "absent"
    assert not (empty / "postgres").exists()


def test_status_shows_the_problem_of_the_database(cli: Cli) -> None:
    answer = cli("status", "--json", PEDIGREE_DATABASE_URL="postgresql://127.0.0.1:9/x")
    assert answer.code == 0
    assert answer.json["database"]["state"] == "unreachable"


def test_help_and_version(process: Cli) -> None:
    shown = process("--help").out
    for command in ("models", "versions", "show", "register", "promote", "rollback", "alias", "up"):
        assert command in shown
    assert process("--version").out.startswith("pedigree ")


def test_every_command_that_ends_takes_json() -> None:
    def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
        for word, command in getattr(group, "commands", {}).items():
            yield " ".join((*path, word)), command
            yield from commands(command, (*path, word))

    without = {
        name
        for name, command in commands(typer.main.get_command(app))
        if not hasattr(command, "commands")
        and not any("--json" in each.opts for each in command.params)
    }
    assert without == set()
