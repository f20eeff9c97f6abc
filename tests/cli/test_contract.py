"""The command line covers the API, also with a service, and has the documented exit codes."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer

from pedigree.access.records import Role
from pedigree.cli.main import app
from pedigree.server.app import create_app
from pedigree.settings import Settings
from tests.cli.conftest import Answer, Cli, make_model
from tests.factories import SECRET_KEY
from tests.identities import see
from tests.lifecycle.deciding import ANN
from tests.receiving import LOOPBACK, Receiver
from tests.server.conftest import serving
from tests.server.fuzz import furnish

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
# A workload exchanges its token, and a login asks for its provider, before there is a token.
OF_THE_PROCESS = {
    *("livez", "readyz", "metrics", "exchange_token", "login_offers"),
    *("get_log_checkpoint", "get_log_tile", "get_log_events", "get_log_consistency"),
}
# A service seals its log on its own, and serves it below /log.
OF_THE_LOG = {
    f"audit {word}"
    for word in (
        *("status", "seal", "anchor", "rotate-key", "tail", "show", "prove", "consistency"),
        *("export", "verify", "cosign", "timestamp"),
    )
}
OF_THIS_MACHINE = {
    *("checks", "status", "migrate", "schema", "serve", "up", "down"),
    *("login", "logout", "witness", "database roles", "access recover"),
    *("export mlflow", "export registry", "import registry", "import mlflow"),
    *OF_THE_LOG,
}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, word))
        else:
            yield " ".join((*path, word))


def every_command() -> set[str]:
    return set(commands(typer.main.get_command(app)))


def is_list(words: tuple[object, ...]) -> bool:
    """Whether a command says of itself that it lists something."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word) or command
    return str(command.help).startswith("List ")


def test_every_operation_has_its_command_and_every_command_its_operation() -> None:
    paths = create_app().openapi()["paths"].values()
    operations = {each["operationId"] for path in paths for each in path.values()}
    table = DOCS.read_text().partition("| operations | commands |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines()[2:]]
    named = [re.findall(r"`([a-z_]+)`", row[0]) for row in rows]
    listed = [re.findall(r"`([^`]*)`", row[1]) for row in rows]
    assert {each for row in named for each in row} == operations - OF_THE_PROCESS
    words = {each for row in listed for each in row if not each.startswith("--")}
    assert words == every_command() - OF_THIS_MACHINE


@pytest.fixture
def served_cli(
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    cli: Cli,
) -> Iterator[Cli]:
    """The command line at a service that has something of everything."""
    settings = Settings(
        home=tmp_path / "served",
        database_url=database_url,
        secret_key=SECRET_KEY,
        serve_delivers=False,
        webhook_networks=LOOPBACK,
    )
    with serving(settings) as served:
        furnish(served.registry, tmp_path)
        for name in ("ben", "cy"):
            see(served.registry, name)
        monkeypatch.delenv("PEDIGREE_DATABASE_URL")
        monkeypatch.setenv("PEDIGREE_API_URL", served.url)
        token = served.registry.acting_as(ANN).create_token("ann", roles=[Role.ADMIN])
        monkeypatch.setenv("PEDIGREE_TOKEN", token.secret)

        def run(*words: object) -> Answer:
            if words == ("deliver",):
                served.registry.operations.webhooks.deliver()
                return Answer(0, "null", "")
            return cli(*words)

        yield run


def test_every_command_answers_in_json_at_a_service(
    served_cli: Cli, tmp_path: Path, required: list[object], receiver: Receiver
) -> None:
    asked = set()

    def ask(*words: object) -> Any:
        asked.update(" ".join(map(str, words[:count])) for count in (1, 2, 3))
        answer = served_cli(*words, "--json")
        if words[0] in REFUSED:
            assert (answer.code, answer.out) == (2, ""), words
            return answer.error
        assert answer.code == 0, (words, answer.out, answer.err)
        document = answer.json
        # The document of `export lineage` is in the format of another tool.
        assert isinstance(document, dict) or words[:2] == ("export", "lineage"), words
        if is_list(words) or "items" in document:
            assert "next" in document, words
        return document

    for words in script(tmp_path, required, receiver.url):
        ask(*words)
    served_cli("deliver")
    listed = ask("webhook", "deliveries", 2)["items"][0]["seq"]
    for words in (("delivery", 2, listed), ("redeliver", 2, listed), *ENDING):
        ask("webhook", *words)
    assert every_command() - OF_THIS_MACHINE - asked == set()


# A folder has no URLs, a version that no graph trained is not trained again, nothing was asked and
# nothing given up.
REFUSED = {"presign", "retrain", "retry", "withdraw"}
READ_OF_A_VERSION = (
    *("show", "lineage", "upstream", "downstream", "stale", "verdicts", "decisions", "waits"),
    "overrides",
    *("trainings", "environment", "tenures", "files", "card", "snippets"),
    *("presign", "retrain"),
)
ENDING = (("rotate", 2), ("update", 2, "--inactive"), ("delete", 2))


def script(folder: Path, required: list[object], url: str) -> Iterator[tuple[object, ...]]:
    """Each command once or more, in an order that makes sense."""
    data = folder / "data.csv"
    pd.DataFrame({"age": range(20)}).to_csv(data, index=False)
    notes = folder / "notes.json"
    notes.write_text(json.dumps({"primary_uses": "to try it"}))
    found = folder / "evaluation.json"
    found.write_text(json.dumps({"task": "binary", "overall": {"group": "overall", "count": 9}}))
    policy = folder / "policy.yaml"
    stages = "{name: candidate, after: [none]}, {name: staging, after: [none, candidate]}"
    policy.write_text(f"stages: [{stages}]\nback_to_none: true\n")
    yield from (
        ("model", "create", "fresh", "--description", "new", "--tag", "a=b"),
        ("model", "update", "fresh", "--owner", "ann"),
        ("model", "show", "fresh"),
        ("register", "fresh", make_model(folder, "z"), *required),
        *((word, "churn/1") for word in READ_OF_A_VERSION),
        *((word, "churn") for word in ("versions", "timeline", "retention")),
        ("as-of", "churn", "2126-01-01T00:00Z"),
        ("export", "lineage", "churn/1"),
        ("card", "churn/1", "--notes", notes),
        ("card", "churn/1", "--fields"),
        ("compare", "churn/1", "churn/2"),
        ("diff", "churn/1", "churn/2"),
        *((word,) for word in ("models", "unmaterialized", "stats", "requests", "quarantines")),
        ("search", "name = 'churn'"),
        ("events", "--model", "churn"),
        ("pull", "churn/1", folder / "pulled"),
        ("explain", "churn/2", "--to", "staging", "--automatic"),
        ("check", "churn/2"),
        ("promote", "churn/2", "--to", "staging"),
        ("promote", "churn/2", "--to", "production"),
        ("rollback", "churn"),
        ("approve", "churn/3", "--to", "staging", "--comment", "good"),
        ("reject", "churn/3", "--to", "staging", "--comment", "no good"),
        ("override", "churn/3", "--to", "staging", "--reason", "urgent"),
        ("withdraw", "churn/3", "--to", "staging"),
        ("retry", "churn/3", "--to", "staging"),
        ("alias", "set", "churn", "best", 1, "--reason", "a test"),
        ("alias", "list", "churn"),
        ("alias", "delete", "churn", "best", "--reason", "a test"),
        ("model", "rename", "churn", "churned"),
        ("model", "rename", "churned", "churn"),
        ("tag", "set", "churn", "team", "growth"),
        ("tag", "set", "churn/3", "tier", "1"),
        ("tag", "delete", "churn/3", "tier"),
        ("update", "churn/3", "--description", "the third"),
        ("hold", "churn/3", "--reason", "a lawsuit"),
        ("lift-hold", "churn/3", "--reason", "it is over"),
        ("seal", "churn/3"),
        ("check", "churn/1", "artifact_intact"),
        ("record-verdict", "churn/1", "red_team", "--passed", "--summary", "safe"),
        ("record-data-verdict", "customers", "no_nulls", "--passed", "--summary", "all filled"),
        ("data-verdicts", "customers"),
        ("datasheet", "customers", "--set", "uses=to try it"),
        ("evaluation", "churn/1", "--file", found),
        ("profile", "fresh/1", "--keep", data),
        ("drift", "measure", "fresh/1", data, "--asset", "customers"),
        ("drift", "list", "fresh/1"),
        ("drift", "show", 1),
        ("drift", "report", 1, "--markdown"),
        ("drift", "alert", 1),
        ("policy", "show", "churn"),
        ("policy", "checks", "churn"),
        ("policy", "set", "fresh", policy),
        ("policy", "history", "fresh"),
        ("demote", "fresh/1"),
        ("policy", "default", "risk-*", policy),
        ("policy", "defaults"),
        ("policy", "delete-default", "risk-*"),
        ("impact", "customers"),
        ("quarantine", "orders", "--reason", "doubled"),
        ("release", "orders", "--whole-asset"),
        ("token", "create", "ci@churn", "--role", "reader"),
        ("token", "list"),
        ("whoami",),
        ("access", "role", "define", "looker", "--permission", "read"),
        ("access", "role", "list"),
        ("access", "group", "create", "risk"),
        ("access", "group", "add", "risk", "bob"),
        ("access", "group", "list"),
        ("access", "grant", "approver", "group:risk", "--model", "churn*"),
        ("access", "grant", "deployer", "bob", "--stage", "staging", "--expires", "90d"),
        ("access", "review"),
        ("access", "explain", "bob", "--model", "churn", "--stage", "staging"),
        ("access", "revoke", 1, "--reason", "a test"),
        ("access", "group", "remove", "risk", "bob"),
        ("access", "revoke", "bob", "--all"),
        ("access", "group", "delete", "risk"),
        ("access", "role", "remove", "looker"),
        ("token", "revoke", 2),
        ("access", "link", "ben", "--person", "cy"),
        ("access", "identities"),
        ("access", "unlink", "ben"),
        ("access", "end-sessions", "cy"),
        ("audit", "erase-person", "cy"),
        ("audit", "erase-person", "cy", "--apply"),
        ("access", "deactivate", "ben"),
        ("access", "reactivate", "ben"),
        ("webhook", "create", url),
        ("webhook", "list"),
        ("webhook", "show", 2),
        ("webhook", "test", 2),
        ("promote", "churn/3", "--to", "archived"),
        ("delete", "churn/3", "--reason", "a test"),
        ("restore", "churn/3"),
        ("gc",),
        ("fsck",),
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, ("checks",)),
        (1, ("--url", "http://127.0.0.1:9", "models")),
        (2, ("show",)),
        (2, ("show", "nobody/1")),
        (2, ("events", "--type", "nonsense")),
        (2, ("--nonsense",)),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_exit_codes_are_those_of_the_table(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    words: tuple[str, ...],
    form: tuple[str, ...],
) -> None:
    monkeypatch.setenv("PEDIGREE_API_RETRIES", "0")
    answer = cli(*words, *form)
    assert answer.code == code
    assert f"\n| {code} |" in DOCS.read_text()
    if form and code:
        assert answer.error["message"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_interrupt_exits_with_130(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pedigree.registry.Registry.models", interrupted)
    assert cli("models", *form).code == 130


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("pedigree tok", "token"), ("pedigree token rev", "revoke"), ("pedigree show --js", "--json")],
)
def test_the_shell_completes_commands_and_options(
    process: Callable[..., Answer], typed: str, offered: str
) -> None:
    answer = process(
        _PEDIGREE_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(typed.count(" "))
    )
    assert offered in answer.out.split()


def test_the_completion_for_a_shell_can_be_shown() -> None:
    # The shell is the one that starts the command; a second command keeps bash from becoming it.
    command = Path(sys.executable).with_name("pedigree")
    script = f"{shlex.quote(str(command))} --show-completion; exit $?"
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "_pedigree_completion" in shown.stdout
