"""`pedigree policy`, `approve`, `reject` and `explain`, as people use them together."""

from pathlib import Path

import pytest

from pedigree.registry import Registry
from tests.cli.conftest import Cli, either_way
from tests.lifecycle.deciding import ANN, candidate

POLICY = """
stages:
- name: candidate
  after: [none]
  checks: [metadata_complete]
- name: production
  after: [candidate, archived]
  exclusive: true
  automatic: true
  approvals: {needed: 2}
- name: archived
  after: [none, candidate, production]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "policy.yaml"
    written.write_text(POLICY)
    return written


@either_way
def test_a_policy_with_a_stage_that_a_reference_reads_otherwise_is_refused(
    cli: Cli, tmp_path: Path
) -> None:
    for name in ("latest", "v1", "3", "a/b", "''", "Archived"):
        file = tmp_path / "misnamed.yaml"
        file.write_text(f"stages: [{{name: {name!r}, after: [none]}}]\n")
        answer = cli("policy", "set", "churn", file, "--json")
        assert answer.code == 2, name
        assert answer.error["type"] == "InvalidPolicyError"
        assert answer.error["field"] == "policy.stages.0.name"
        assert answer.error["remedy"]
    assert cli("models", "--json").items == []


@either_way
def test_a_policy_is_set_shown_and_looked_back_at(cli: Cli, file: Path) -> None:
    assert cli("policy", "set", "churn", file, "--reason", "audit", "--json").json == {
        "model_name": "churn",
        "revision": 1,
    }
    shown = cli("policy", "show", "churn").out
    assert "needed: 2" in shown
    file.write_text(shown.replace("needed: 2", "needed: 1"))
    assert "revision 2" in cli("policy", "set", "churn", file).out
    assert "revision 2" in cli("policy", "set", "churn", file).out
    first, second = cli("policy", "history", "churn", "--json").items
    assert (first["revision"], first["set_by"], first["reason"]) == (1, "tester", "audit")
    assert second["policy"]["stages"][1]["approvals"]["needed"] == 1
    assert "candidate → production → archived" in cli("policy", "history", "churn").out
    assert "needed: 2" in cli("policy", "show", "churn", "--revision", 1).out
    assert cli("policy", "show", "churn", "--revision", 3).code == 2
    assert cli("policy", "show", "churn", "--json").json["stages"][2]["name"] == "archived"


def test_people_say_yes_and_no_and_see_what_is_missing(
    cli: Cli,
    file: Path,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cli("policy", "set", "churn", file)
    reference = candidate(registry, tmp_path)
    refused = cli("approve", reference, "--to", "production", "--comment", "mine", "--json")
    assert (refused.code, refused.error["type"]) == (2, "NotPermittedError")

    monkeypatch.setenv("PEDIGREE_ACTOR", "ann")
    said = cli("approve", reference, "--to", "production", "--comment", "fine").out
    assert "ann approved version 1, candidate → production." in said
    assert "It still waits for: 1 approval" in said
    assert "1 approval" in cli("explain", reference, "--to", "production").out
    registry.operations.promotions.evaluate_candidates("churn")
    shown = cli("show", reference).out
    assert "before production" in shown
    assert "ann" in shown

    monkeypatch.setenv("PEDIGREE_ACTOR", "ben")
    done = cli("reject", reference, "--to", "production", "--comment", "biased", "--json").json
    assert (done["approved"], done["decided_by"]) == (False, "ben")
    promoted = cli("promote", reference, "--to", "production")
    assert promoted.code == 2
    assert "a new approval; it was rejected" in promoted.err


@either_way
def test_a_stage_is_asked_for_listed_withdrawn_and_entered_with_the_last_gate(
    cli: Cli,
    file: Path,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file.write_text(POLICY.replace("automatic: true", "automatic: false").replace("2}", "1}"))
    cli("policy", "set", "churn", file)
    reference = candidate(registry, tmp_path)
    ask = ("promote", reference, "--to", "production", "--request", "--reason", "better recall")
    said = cli(*ask).out
    assert "churn/1 enters production when its last gate passes.\nIt waits for: 1 approval" in said
    (asked,) = cli("requests", "churn", "--json").items
    assert cli(*ask, "--json").json == asked
    assert "better recall" in cli("requests").out
    assert f"{asked['requested_by']} requested it: better recall" in (
        cli("explain", reference, "--to", "production").out
    )
    assert "Asked for" in cli("show", reference).out
    withdrawn = cli("withdraw", reference, "--to", "production")
    assert "is withdrawn" in withdrawn.out
    assert cli("withdraw", reference, "--to", "production").code == 2
    cli(*ask)
    registry.approve(reference, "production", comment="fine", actor=ANN)
    assert cli("promote", reference, "--to", "production", "--request").out == (
        "churn/1 already holds production.\n"
    )


@either_way
def test_what_the_sensor_gave_up_is_seen_and_tried_again(
    cli: Cli, file: Path, registry: Registry, tmp_path: Path
) -> None:
    file.write_text(POLICY.replace("  approvals: {needed: 2}\n", ""))
    cli("policy", "set", "churn", file)
    reference = candidate(registry, tmp_path)
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert due is not None
    registry.operations.promotions.give_up_promotion(
        due, attempts=3, run_id="run-3", problem="no luck"
    )
    explain = ("explain", reference, "--to", "production")
    said = cli(*explain).out
    assert "may enter production" in said  # a person may
    assert "gave up" in said
    assert "after 3 failed runs, the last one run-3: no luck" in said.replace("\n", " ")
    assert cli(*explain, "--automatic", "--json").json["given_up"]["problem"] == "no luck"
    registry.operations.promotions.evaluate_candidates("churn")
    assert "pedigree retry churn/1" in cli("show", reference).out
    retry = ("retry", reference, "--to", "production", "--reason", "it is up again")
    assert "The sensor tries churn/1 → production again." in cli(*retry).out
    assert cli(*retry).code == 2
    assert "gave up" not in cli(*explain).out


@pytest.mark.parametrize("name", ["sensor:pedigree_promotion", "service:reconciler"])
def test_nobody_acts_under_a_name_of_pedigree_s_own(
    cli: Cli, registry: Registry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PEDIGREE_ACTOR", name)
    refused = cli("model", "create", "churn", "--json")
    assert (refused.code, refused.error["type"]) == (2, "ReservedNameError")
    assert (refused.error["field"], refused.error["value"]) == ("PEDIGREE_ACTOR", name)
    assert registry.models() == ()
