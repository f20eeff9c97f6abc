"""The checks that bytes must pass before a version of MLflow's clients can be loaded."""

from pathlib import Path

import pytest

from pedigree.artifacts.records import Manifest
from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.policy import open_policy, parse_policy
from pedigree.lifecycle.policy_yaml import read_document, write_document
from pedigree.lifecycle.records import CheckRule, Policy, Verdict
from pedigree.lifecycle.registration_gate import RegistrationJudgement
from pedigree.registry import Registry
from pedigree.server.web.policy_words import other_rules, policy_change
from tests.factories import artifact, new_version, register


def asking(*checks: str | CheckRule) -> Policy:
    asked = tuple(CheckRule.model_validate(each) for each in checks)
    return open_policy().model_copy(update={"registration": asked})


def judged(registry: Registry, folder: Path) -> RegistrationJudgement:
    version = registry.get("churn/1")

    def verify() -> Manifest:
        return registry.verify("churn/1")

    return registry.operations.registration_gates.judge_bytes(version, verify, folder)


def test_own_checks_run_on_the_bytes_and_nothing_is_written(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", asking("artifact_intact", "metadata_complete"))
    register(registry, tmp_path, "a")
    before = registry.events(limit=1000)
    found = judged(registry, tmp_path / "a")
    assert (found.passed, found.waits_for) == (True, ())
    assert [verdict.check for verdict in found.verdicts] == ["artifact_intact", "metadata_complete"]
    assert {verdict.digest for verdict in found.verdicts} == {registry.get("churn/1").digest}
    assert registry.events(limit=1000) == before


def test_bytes_that_fail_are_refused_with_the_name_of_the_check(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", asking("artifact_scan", "artifact_intact"))
    folder = artifact(tmp_path / "a")
    (folder / "model.pkl").write_bytes(b"cos\nsystem\n(S'echo'\ntR.")
    registry.register("churn", folder, new_version())
    found = judged(registry, folder)
    assert not found.passed
    (reason,) = found.waits_for
    assert "check artifact_scan" in reason


def test_other_checks_pass_by_a_verdict_on_the_same_bytes(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", asking("red_team"))
    register(registry, tmp_path, "a")
    found = judged(registry, tmp_path / "a")
    assert found.waits_for == ("check red_team, which has not run",)
    digest = registry.get("churn/1").digest
    safe = Verdict(check="red_team", passed=True, digest=digest, summary="safe")
    registry.record_verdict("churn/1", safe)
    assert judged(registry, tmp_path / "a").passed
    worse = safe.model_copy(update={"passed": False, "summary": "it answers everything"})
    registry.record_verdict("churn/1", worse)
    (reason,) = judged(registry, tmp_path / "a").waits_for
    assert "it answers everything" in reason


def test_a_check_that_only_warns_refuses_nothing(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", asking(CheckRule(name="red_team", severity="warn")))  # type: ignore[arg-type]
    register(registry, tmp_path, "a")
    assert judged(registry, tmp_path / "a").passed


def test_without_such_checks_nothing_is_asked(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", open_policy())
    register(registry, tmp_path, "a")
    assert not registry.operations.registration_gates.is_asked("churn")
    assert judged(registry, tmp_path / "a") == RegistrationJudgement((), (), (), is_refused=False)
    registry.set_policy("churn", asking("artifact_scan"))
    assert registry.operations.registration_gates.is_asked("churn")


def test_it_is_validated_and_written_as_yaml(registry: Registry) -> None:
    text = write_document(asking("artifact_scan"))
    assert "registration:\n- artifact_scan" in text
    assert read_document(text) == asking("artifact_scan")
    wrong = asking(CheckRule(name="artifact_scan", settings={"colour": "blue"}))
    with pytest.raises(InvalidPolicyError) as caught:
        registry.set_policy("churn", wrong)
    assert caught.value.field == "checks.artifact_scan.settings.colour"
    with pytest.raises(InvalidPolicyError):
        parse_policy({"stages": [], "registration": [{"severity": "warn"}]})


def test_the_page_of_a_policy_says_it_and_what_a_revision_changed() -> None:
    new = asking("artifact_scan").model_copy(update={"aliases": {"champion": "production"}})
    said = other_rules(new)
    assert "before a version of MLflow's clients can be loaded, it passes artifact scan" in said
    assert "the alias champion names a version in production alone" in said
    assert "a version may leave its stage for no stage" in said
    assert "deleting a version ends its stage and its aliases" in said
    assert len(policy_change(open_policy(), new).added) == 2
