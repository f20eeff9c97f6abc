"""Bad input: exit code 2, a message with field, value and remedy, and nothing written."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import COMMIT, Answer, Cli

Register = Callable[..., Answer]
Unwritten = Callable[[], None]


@pytest.fixture
def nothing_written(cli: Cli, home: Path) -> Callable[[], None]:
    """Assert that the registry holds nothing at all."""

    def check() -> None:
        assert cli("models", "--json").items == []
        assert cli("events", "--json").items == []
        assert [path for path in home.glob("objects/**/*") if path.is_file()] == []

    return check


def refused(answer: Answer, field: str, value: str | None, remedy: str) -> None:
    """Assert how a refusal looks, for a program."""
    assert answer.code == 2, answer.err
    assert answer.out == ""
    error = answer.error
    assert error["field"] == field
    assert value is None or value in error["value"]
    assert remedy in error["remedy"]


def without(options: list[object], option: str) -> list[object]:
    """Options without one of them and its value."""
    place = options.index(option)
    return options[:place] + options[place + 2 :]


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("--flavor", "--flavor sklearn"),
        ("--signature", "--sample FILE.csv"),
        ("--run-id", "PEDIGREE_RUN_ID"),
    ],
)
def test_a_required_field_is_missing(
    option: str,
    remedy: str,
    cli: Cli,
    required: list[object],
    model: Path,
    nothing_written: Unwritten,
) -> None:
    answer = cli("register", "churn", model, *without(required, option), "--json")
    refused(answer, option, None, remedy)
    assert "required" in answer.error["message"]
    nothing_written()


def test_the_commit_is_missing_outside_a_work_tree(
    cli: Cli, required: list[object], model: Path, nothing_written: Unwritten
) -> None:
    answer = cli("register", "churn", model, *without(required, "--git-commit"), "--json")
    refused(answer, "git_commit", None, "PEDIGREE_GIT_COMMIT")
    nothing_written()


def test_an_unknown_flavor(
    cli: Cli, required: list[object], model: Path, nothing_written: Unwritten
) -> None:
    options = [*without(required, "--flavor"), "--flavor", "sklaern"]
    refused(cli("register", "churn", model, *options, "--json"), "flavor", "sklaern", "sklearn")
    nothing_written()


@pytest.mark.parametrize(
    "name", ["", "a/b", "a@b", "a:b", "50%", " churn", "churn.", "a\tb", "cafe\u0301", "x" * 257]
)
def test_a_bad_name(
    name: str, cli: Cli, required: list[object], model: Path, nothing_written: Unwritten
) -> None:
    answer = cli("register", name, model, *required, "--json")
    refused(answer, "name", name[:40], "1-256 characters")
    nothing_written()


def test_a_name_that_differs_by_case_only(register: Register, cli: Cli) -> None:
    register("one", name="churn")
    answer = register("two", name="Churn")
    assert answer.code == 2
    assert "churn" in answer.error["message"] + answer.error["remedy"]
    assert [model["name"] for model in cli("models", "--json").items] == ["churn"]


def path_that_does_not_exist(folder: Path) -> Path:
    return folder / "nowhere"


def empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def folder_of_empty_folders(folder: Path) -> Path:
    (folder / "outer" / "inner").mkdir(parents=True)
    return folder / "outer"


def folder_with_a_symlink(folder: Path) -> Path:
    made = folder / "linked"
    made.mkdir()
    (made / "model.bin").write_text("weights")
    (made / "link").symlink_to(made / "model.bin")
    return made


def folder_that_escapes(folder: Path) -> Path:
    made = folder / "escaping"
    made.mkdir()
    (folder / "secret").mkdir()
    (folder / "secret" / "key").write_text("secret")
    (made / "data").symlink_to(folder / "secret", target_is_directory=True)
    return made


def folder_with_a_pipe(folder: Path) -> Path:
    made = folder / "piped"
    made.mkdir()
    os.mkfifo(made / "pipe")
    return made


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (path_that_does_not_exist, "nowhere"),
        (empty_folder, "empty"),
        (folder_of_empty_folders, "outer"),
        (folder_with_a_symlink, "link"),
        (folder_that_escapes, "data"),
        (folder_with_a_pipe, "pipe"),
    ],
)
def test_a_bad_artifact(
    make: Callable[[Path], Path],
    value: str,
    cli: Cli,
    required: list[object],
    tmp_path: Path,
    nothing_written: Unwritten,
) -> None:
    path = make(tmp_path)
    answer = cli("register", "churn", path, *required, "--json")
    assert answer.code == 2, answer.err
    assert answer.error["type"] == "InvalidArtifactError"
    assert value in answer.error["value"]
    assert answer.error["field"]
    assert answer.error["remedy"]
    nothing_written()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_metric_that_is_not_finite(
    value: str, register: Register, nothing_written: Unwritten
) -> None:
    answer = register("weights", "--metric", f"auc={value}")
    refused(answer, "metrics.auc", value, "finite number")
    nothing_written()


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        (("--metric", "auc"), "--metric", "auc"),
        (("--metric", "auc=high"), "--metric", "high"),
        (("--metric", "auc=1", "--metric", "auc=2"), "--metric", "auc=2"),
        (("--tag", "=x"), "--tag", "=x"),
        (("--risk-class", "huge"), "risk_class", "huge"),
    ],
)
def test_a_malformed_option(
    options: tuple[str, ...], field: str, value: str, register: Register, nothing_written: Unwritten
) -> None:
    refused(register("weights", *options), field, value, "")
    nothing_written()


def test_a_malformed_commit(
    cli: Cli, required: list[object], model: Path, nothing_written: Unwritten
) -> None:
    options = [*without(required, "--git-commit"), "--git-commit", "main"]
    refused(
        cli("register", "churn", model, *options, "--json"),
        "git_commit",
        "main",
        "git rev-parse HEAD",
    )
    nothing_written()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", ""),
        ('{"inputs": [], "outputs": []}', "inputs"),
        ('{"inputs": [{"kind": "column", "name": "a", "type": "money"}]}', "inputs"),
    ],
)
def test_a_malformed_signature(
    text: str,
    place: str,
    cli: Cli,
    required: list[object],
    model: Path,
    tmp_path: Path,
    nothing_written: Unwritten,
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    options = [*without(required, "--signature"), "--signature", file]
    answer = cli("register", "churn", model, *options, "--json")
    refused(answer, "--signature", "bad.json", "pedigree schema")
    assert place in answer.error["message"]
    nothing_written()


def test_a_signature_and_a_sample_exclude_each_other(
    register: Register, tmp_path: Path, nothing_written: Unwritten
) -> None:
    answer = register("weights", "--sample", tmp_path / "rows.csv")
    refused(answer, "--signature", None, "one of the two")
    nothing_written()


@pytest.mark.parametrize("stage", ["production", "nonsense", "none"])
def test_a_promotion_that_the_policy_does_not_allow(
    stage: str, register: Register, cli: Cli
) -> None:
    register()
    events = cli("events", "--json").items
    answer = cli("promote", "churn/1", "--to", stage, "--json")
    assert answer.code == 2, answer.err
    assert answer.error["type"] in ("TransitionNotAllowedError", "GateNotPassedError")
    assert stage in answer.err
    assert answer.error["remedy"]
    assert cli("events", "--json").items == events


@pytest.mark.parametrize(
    "command",
    [
        ("show",),
        ("lineage",),
        ("snippets",),
        ("pull", "there"),
        ("check",),
        ("explain", "--to", "staging"),
        ("promote", "--to", "staging"),
        ("hold", "--reason", "why"),
        ("lift-hold",),
        ("delete", "--reason", "why"),
        ("update", "--description", "x"),
    ],
    ids=lambda command: command[0],
)
def test_a_version_that_does_not_exist(
    command: tuple[str, ...], register: Register, cli: Cli, tmp_path: Path
) -> None:
    register()
    events = cli("events", "--json").items
    word, *options = command
    for reference, kind in (
        ("churn/7", "VersionNotFoundError"),
        ("nobody/1", "ModelNotFoundError"),
        ("churn@champion", "AliasNotFoundError"),
        ("churn", "InvalidReferenceError"),
    ):
        answer = cli(word, reference, *options, "--json")
        assert (answer.code, answer.out) == (2, "")
        assert answer.error["type"] == kind
        assert answer.error["field"]
        assert answer.error["value"]
        assert answer.error["remedy"]
    assert cli("events", "--json").items == events
    assert not (tmp_path / "there").exists()


def test_an_alias_that_is_reserved_or_points_nowhere(register: Register, cli: Cli) -> None:
    register()
    for alias, version in (("latest", 1), ("v2", 1), ("production", 1), ("a b", 1), ("best", 9)):
        answer = cli("alias", "set", "churn", alias, version, "--json")
        assert answer.code == 2, (alias, answer)
        assert answer.error["remedy"]
    for number in ("\u0661", "1_0", "+1", " 1", "1.0"):
        assert cli("alias", "set", "churn", "best", number, "--json").code == 2, number
    assert cli("show", "churn/\u0661", "--json").error["type"] == "InvalidReferenceError"
    assert cli("alias", "delete", "churn", "best", "--json").code == 2
    assert cli("alias", "list", "churn", "--json").items == []


def test_the_message_for_people_says_the_same_in_one_sentence(process: Cli, model: Path) -> None:
    answer = process("register", "a/b", model, "--flavor", "generic", "--git-commit", COMMIT)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("error: --run-id: the run that made the version is required.")
    assert "PEDIGREE_RUN_ID" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("words", "field", "value", "remedy"),
    [
        (("show",), "REF", None, "`pedigree show --help`"),
        (("promote", "churn/1"), "--to", None, "`pedigree promote --help`"),
        (("models", "--limit", "many"), "--limit", "many", "`pedigree models --help`"),
        (("models", "--limit", "0"), "--limit", "0", "`pedigree models --help`"),
        (("models", "--limit"), "--limit", "--json", "`pedigree models --help`"),
        (("models", "--limti", "2"), "--limti", "--limti", "Did you mean --limit?"),
        (("models", "--version=x"), "--version", "--version=x", "`pedigree models --help`"),
        (("models", "churn", "spam"), "arguments", "churn spam", "`pedigree models --help`"),
        (("modles",), "command", "modles", "`pedigree --help`"),
        (("token", "creat"), "command", "creat", "`pedigree token --help`"),
        (("token", "revoke", "x"), "ID", "x", "`pedigree token revoke --help`"),
        (("drift", "show", "1.5"), "ID", "1.5", "`pedigree drift show --help`"),
        (("alias", "set", "churn", "best", "one"), "VERSION", "one", "alias set --help`"),
        (("events", "--limit", "10001"), "--limit", "10001", "`pedigree events --help`"),
        (("show", "churn/1", "--json=1"), "--json", "--json=1", "`pedigree show --help`"),
        (("--nonsense", "models"), "--nonsense", "--nonsense", "`pedigree --help`"),
    ],
)
def test_a_usage_error_in_json_has_field_value_and_remedy(
    words: tuple[str, ...], field: str, value: str | None, remedy: str, cli: Cli
) -> None:
    answer = cli(*words, "--json")
    assert (answer.code, answer.out) == (2, "")
    error = answer.error
    assert (error["type"], error["field"], error["value"]) == ("InvalidInputError", field, value)
    assert remedy in error["remedy"]
    assert error["message"]


def test_a_file_that_cannot_be_written_is_named(
    register: Register, cli: Cli, tmp_path: Path
) -> None:
    register()
    answer = cli(
        "export", "lineage", "churn/1", "--output", tmp_path / "nowhere" / "x.json", "--json"
    )
    assert (answer.code, answer.error["field"]) == (2, "--output")


def test_a_setting_out_of_its_domain_names_the_variable(cli: Cli) -> None:
    answer = cli("models", "--json", PEDIGREE_GIT_COMMIT="main")
    assert answer.code == 2
    assert answer.error["field"] == "PEDIGREE_GIT_COMMIT"


def test_a_database_that_does_not_answer(cli: Cli) -> None:
    url = "postgresql://ann:secret@127.0.0.1:9/registry"
    answer = cli("models", "--json", PEDIGREE_DATABASE_URL=url)
    assert answer.code == 1
    assert answer.error["type"] == "DatabaseUnavailableError"
    assert "secret" not in answer.err


def test_an_old_schema_has_the_remedy_to_migrate(
    cli: Cli, make_database_url: Callable[..., str]
) -> None:
    url = make_database_url(None)
    answer = cli("models", "--json", PEDIGREE_DATABASE_URL=url)
    assert answer.code == 1
    assert answer.error["type"] == "SchemaBehindError"
    assert "pedigree migrate" in answer.error["remedy"]
    done = cli("migrate", "--json", PEDIGREE_DATABASE_URL=url)
    assert done.code == 0
    assert done.json["applied"]
    assert cli("models", "--json", PEDIGREE_DATABASE_URL=url).items == []
    assert cli("migrate", "--json", PEDIGREE_DATABASE_URL=url).json["applied"] == []
