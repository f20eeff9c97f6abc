"""Every list says whether there is more, and the pages together are the list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer

from pedigree.access.records import Role
from pedigree.catalog.records import TrainingOrigin
from pedigree.cli.main import app
from pedigree.datasets.records import DataVerdict
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import ApprovalRule, Policy, Verdict
from pedigree.lineage.usages import NewUsage
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DriftRule
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.cli.conftest import Cli
from tests.factories import register, register_candidate, with_secret_key
from tests.identities import see
from tests.lifecycle.deciding import ANN
from tests.receiving import LOOPBACK

# Each command with --limit, and the key of its records.
LISTS: dict[tuple[str, ...], str] = {
    ("models",): "items",
    ("versions", "churn"): "items",
    ("timeline", "churn"): "items",
    ("search",): "records",
    ("trainings", "churn/1"): "items",
    ("downstream", "churn/1"): "usages",
    ("unmaterialized",): "items",
    ("quarantines",): "items",
    ("requests",): "items",
    ("events",): "items",
    ("token", "list"): "items",
    ("access", "identities"): "items",
    ("access", "review"): "items",
    ("access", "role", "list"): "items",
    ("access", "group", "list"): "items",
    ("webhook", "list"): "items",
    ("webhook", "deliveries", "1"): "items",
    ("verdicts", "churn/1"): "items",
    ("decisions", "spam/1"): "items",
    ("overrides", "spam/1"): "items",
    ("tenures", "churn/1"): "items",
    ("as-of", "churn", "2100-01-01T00:00Z"): "items",
    ("waits", "churn/1"): "items",
    ("policy", "history", "spam"): "items",
    ("policy", "defaults"): "items",
    ("drift", "list", "churn/1"): "items",
    ("data-verdicts", "raw", "--data-version", "v"): "items",
}


def limited(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from limited(command, (*path, word))
        elif any("--limit" in each.opts for each in command.params):
            yield (*path, word)


def test_the_lists_of_this_test_are_those_of_the_command_line() -> None:
    found = set(limited(typer.main.get_command(app)))
    lengths = (3, 2, 1)  # the words of a command, then its arguments
    tried = [{words[:length] for length in lengths} & found for words in LISTS]
    assert all(len(each) == 1 for each in tried)
    assert set.union(*tried) == found


def with_approvals(policy: Policy) -> Policy:
    """The policy, where somebody must approve each version for production."""
    stages = tuple(
        rule.model_copy(update={"approvals": ApprovalRule(needed=1)})
        if rule.name == "production"
        else rule
        for rule in policy.stages
    )
    return policy.model_copy(update={"stages": stages})


@pytest.fixture
def filled(registry_of_this_test: None, home: Path, database_url: str, tmp_path: Path) -> None:
    """A registry with two or more of everything that is listed."""
    settings = Settings(
        home=home, database_url=database_url, actor="ann", webhook_networks=LOOPBACK
    )
    with Registry.connect(settings=settings) as opened:
        registry = with_secret_key(opened)
        for number in (1, 2):
            registry.create_webhook(f"http://127.0.0.1:9/{number}", types=("version.created",))
            registry.create_token(f"user-{number}", roles=[Role.READER])
            see(registry, f"person-{number}")
            registry.create_group(f"group-{number}")
            registry.set_policy_default(f"risk-{number}", default_policy())
            registry.grant_access("reader", f"person-{number}")
        origin = TrainingOrigin(instance_id="elsewhere", asset="models/churn")
        for content in ("a", "b", "c"):
            register_candidate(registry, tmp_path, content, run_id=content, origin=origin)
        register(registry, tmp_path, "a", run_id="again", origin=origin)
        registry.set_policy("churn", with_approvals(registry.policy("churn")))
        register(registry, tmp_path, "d", "spam")
        for reference in ("churn/1", "churn/2", "churn/3"):
            registry.promote(reference, "staging")
        for number in (1, 2):
            registry.request_stage(f"churn/{number}", "production")
            registry.quarantine(f"data-{number}", reason="doubled")
            use = NewUsage(asset="scores", run_id=f"use-{number}")
            registry.operations.usages.record_usage("churn/1", use)
            registry.approve("spam/1", "candidate", comment="yes", actor=ANN)
            governed = {"drift": DriftRule(windows=number)}
            registry.set_policy("spam", registry.policy("spam").model_copy(update=governed))
            said = {"check": f"check-{number}", "passed": True, "summary": "", "severity": "error"}
            on = {"asset": "raw", "data_version": "v"}
            digest = registry.get("churn/1").digest
            registry.record_verdict("churn/1", Verdict.model_validate({**said, "digest": digest}))
            registry.record_data_verdict(DataVerdict.model_validate(said | on))
            data = pd.DataFrame({"age": range(10)})
            registry.keep_profile("churn/1", profile(data))
            registry.measure_drift("churn/1", data, asset="raw", partition=str(number))
        for stage in ("candidate", "staging"):
            registry.override("spam/1", stage, reason="urgent", actor=ANN)
        registry.operations.webhooks.deliver()
        waiting = (
            "INSERT INTO pedigree.candidacy (model_id, version, stage, waits_for, evaluated_at)"
            " SELECT model_id, 1, stage, '{time}', now() FROM pedigree.registered_model,"
            " unnest(ARRAY['staging', 'production']) AS stage WHERE name = 'churn'"
        )
        for statement in (
            "UPDATE pedigree.awaited SET since = since - interval '61 minutes'",
            waiting,
        ):
            registry.database.transaction(lambda t, text=statement: t.execute(text))


def test_the_pages_of_every_list_are_the_list(filled: None, cli: Cli) -> None:
    for words, key in LISTS.items():
        whole = cli(*words, "--limit", 100, "--json").json
        assert whole["next"] is None, words
        assert len(whole[key]) > 1, words
        assert "--after" not in (out := cli(*words).out), words
        assert "--before" not in out, words
        pages = list(paged(cli, words, key, size=-(-len(whole[key]) // 3)))
        assert len(pages) > 1, words
        if words[0] in ("timeline", "drift"):  # the newest page first, each in order
            pages.reverse()
        assert [one for page in pages for one in page] == whole[key], words


def paged(cli: Cli, words: tuple[str, ...], key: str, *, size: int) -> Iterator[list[object]]:
    """Yield the pages of some records, by the option that the view for people names."""
    further: tuple[object, ...] = ()
    while True:
        page = cli(*words, "--limit", size, *further, "--json").json
        yield page[key]
        if page["next"] is None:
            return
        shown = cli(*words, "--limit", size, *further).out.split()
        option = next(word for word in reversed(shown) if word in ("--after", "--before"))
        further = (option, page["next"])


def test_search_prints_the_columns_in_json_too(filled: None, cli: Cli) -> None:
    columns = "name, version,metrics.auc,tags.team,stage"
    answer = cli(
        "search", "name = 'churn'", "--order-by", "version", "--columns", columns, "--json"
    )
    assert answer.json["records"][0] == {
        **{"name": "churn", "version": 1, "metrics.auc": None, "tags.team": None},
        "stage": "staging",
    }
    full = cli("search", "name = 'nobody'", "--json").json
    assert full["records"] == []
    for bad in ("nonsense", "stage.x", ""):
        answer = cli("search", "name = 'nobody'", "--columns", bad, "--json")
        assert (answer.code, answer.error["field"]) == (2, "--columns"), bad
