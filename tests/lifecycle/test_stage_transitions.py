from pathlib import Path

import pytest

from pedigree.audit.event_types import EventType
from pedigree.errors import (
    AliasNotFoundError,
    AmbiguousStageError,
    GateNotPassedError,
    GenerationConflictError,
    NothingToRollBackError,
    StageEmptyError,
    TransitionNotAllowedError,
    VersionInUseError,
    VersionNotFoundError,
)
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import Policy, Verdict
from pedigree.registry import Registry
from tests.factories import (
    AUC_POLICY,
    promote_to_production,
    register,
    register_candidate,
)
from tests.lifecycle.deciding import candidate


def in_production(registry: Registry, folder: Path, content: str, **fields: object) -> str:
    reference = register_candidate(registry, folder, content, **fields)
    promote_to_production(registry, reference)
    return reference


def test_a_version_becomes_a_candidate_by_passing_its_checks(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register(registry, tmp_path, "a")
    *most, last = registry.registration_checks("churn")
    for check in most:
        registry.run_check(reference, check)
    assert registry.get(reference).stage == "none"
    registry.run_check(reference, last)
    assert registry.get(reference).stage == "candidate"


def test_a_failed_check_keeps_a_version_from_being_a_candidate(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", AUC_POLICY)
    in_production(registry, tmp_path, "a", metrics={"auc": 0.9})
    worse = register_candidate(registry, tmp_path, "b", metrics={"auc": 0.8})
    assert registry.get(worse).stage == "none"
    with pytest.raises(TransitionNotAllowedError):
        registry.promote(worse, "production")
    assert "is worse than" in registry.explain(worse, "candidate").waits_for[0]


def test_promotion_archives_the_old_holder(registry: Registry, tmp_path: Path) -> None:
    first = in_production(registry, tmp_path, "a")
    second = register_candidate(registry, tmp_path, "b")
    registry.promote(second, "staging")
    move = registry.promote(second, "production", reason="better")
    assert (move.version_id, move.previous_version_id, move.moved) == (2, 1, True)
    assert registry.get(first).stage == "archived"
    assert registry.get("churn@production").reference == second


def test_promoting_the_holder_again_is_a_no_op_without_an_event(
    registry: Registry, tmp_path: Path
) -> None:
    first = in_production(registry, tmp_path, "a")
    before = registry.events()
    assert registry.promote(first, "production").moved is False
    assert registry.events() == before


@pytest.mark.parametrize("stage", ["production", "candidate", "nirvana"])
def test_a_stage_that_the_policy_does_not_allow_is_refused(
    registry: Registry, tmp_path: Path, stage: str
) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    registry.promote(reference, "staging")
    registry.promote(reference, "archived")
    if stage == "production":
        register(registry, tmp_path, "b")
        reference = "churn/2"
    with pytest.raises(TransitionNotAllowedError) as caught:
        registry.promote(reference, stage)
    assert caught.value.field == "stage"
    assert caught.value.value == stage
    assert caught.value.remedy


def test_a_promotion_names_every_gate_it_waits_for(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", AUC_POLICY)
    reference = register_candidate(registry, tmp_path, "a", metrics={"auc": 0.9})
    version = registry.get(reference)
    failed = Verdict(
        check="artifact_intact", passed=False, digest=version.digest, summary="a bit is flipped"
    )
    registry.record_verdict(reference, failed)
    with pytest.raises(GateNotPassedError, match="a bit is flipped"):
        registry.promote(reference, "staging")


def test_a_generation_that_moved_is_a_conflict(registry: Registry, tmp_path: Path) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    seen = registry.get(reference).generation
    registry.set_alias("churn", "best", 1)
    with pytest.raises(GenerationConflictError):
        registry.promote(reference, "staging", expected_generation=seen)
    registry.promote(reference, "staging", expected_generation=registry.get(reference).generation)


def test_rollback_returns_to_the_holder_before_and_never_to_a_bad_one(
    registry: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b", "c"):
        in_production(registry, tmp_path, content)
    assert registry.rollback("churn", reason="c is bad").version_id == 2
    assert registry.rollback("churn", reason="b too").version_id == 1
    with pytest.raises(NothingToRollBackError):
        registry.rollback("churn")
    assert registry.get("churn/3").stage == "archived"


def test_rolling_back_an_empty_stage_says_that_it_is_empty(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    with pytest.raises(StageEmptyError):
        registry.rollback("churn")


def test_a_version_that_was_rolled_back_returns_only_by_a_person(
    registry: Registry, tmp_path: Path
) -> None:
    in_production(registry, tmp_path, "a")
    bad = in_production(registry, tmp_path, "b")
    registry.rollback("churn")
    assert registry.operations.promotions.evaluate_candidates("churn").due is None
    with pytest.raises(GateNotPassedError, match="a person"):
        registry.promote(bad, "production", automatic=True)
    assert registry.promote(bad, "production").moved


def test_the_due_promotion_is_the_newest_candidate_that_passes(
    registry: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b", "c"):
        register_candidate(registry, tmp_path, content)
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert (due.version_id, due.stage) == (3, "staging")
    registry.promote("churn/3", "staging", automatic=True)
    due = registry.operations.promotions.evaluate_candidates("churn").due
    assert (due.version_id, due.stage) == (3, "production")
    registry.promote("churn/3", "production", automatic=True)
    assert registry.operations.promotions.evaluate_candidates("churn").due is None


def test_a_relative_verdict_is_void_when_the_champion_changes_and_can_be_renewed(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", AUC_POLICY)
    in_production(registry, tmp_path, "a", metrics={"auc": 0.8})
    waiting = register_candidate(registry, tmp_path, "b", metrics={"auc": 0.85})
    in_production(registry, tmp_path, "c", metrics={"auc": 0.9})
    newest = register_candidate(registry, tmp_path, "d", metrics={"auc": 0.95})
    in_production(registry, tmp_path, "e", metrics={"auc": 0.94})
    assert registry.get(waiting).stage == "candidate"
    with pytest.raises(GateNotPassedError, match="again"):
        registry.promote(newest, "staging")
    registry.promote("churn/5", "archived")
    registry.operations.checks.renew_verdicts("churn")
    registry.promote(newest, "staging")


def test_what_a_stricter_policy_asks_is_looked_at_on_the_versions_that_wait(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", asking(production=["artifact_intact"]))
    old = candidate(registry, tmp_path)
    registry.run_check(old, "artifact_intact")
    assert registry.operations.checks.renew_verdicts("churn") == ()
    strict = {"name": "metadata_complete", "settings": {"required": ["risk_class"]}}
    registry.set_policy("churn", asking(staging=["card_complete"], production=[strict]))
    younger = candidate(registry, tmp_path, "b")
    renewed = registry.operations.checks.renew_verdicts("churn")
    assert [each.check for each in renewed] == ["card_complete"]
    # the younger one is of this policy's time: its own run has the checks
    assert {each.check for each in registry.verdicts(younger)} == {"metadata_complete"}
    # the requirements of a later stage are evaluated when the version waits for it
    registry.set_policy("churn", asking(staging=["artifact_intact"], production=[strict]))
    registry.promote(old, "staging")
    (renewed,) = [
        each for each in registry.operations.checks.renew_verdicts("churn") if each.settings
    ]
    assert (renewed.passed, renewed.settings) == (False, strict["settings"])
    assert registry.operations.checks.renew_verdicts("churn") == ()
    assert "risk_class" in registry.explain(old, "production").waits_for[0]


def asking(**checks: list[object]) -> Policy:
    """The default stages; a candidate needs its metadata, and the others the given checks."""
    asked = {"candidate": ["metadata_complete"], **checks}
    stages = [
        {**rule.model_dump(mode="json"), "checks": asked.get(rule.name, [])}
        for rule in default_policy().stages
    ]
    return Policy.model_validate({"stages": stages})


def test_an_alias_moves_between_versions_and_leaves_a_timeline(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    register(registry, tmp_path, "b")
    registry.set_alias("churn", "best", 1)
    registry.set_alias("churn", "best", 2, reason="newer")
    registry.set_alias("churn", "best", 2)
    assert registry.get("churn@best").version_id == 2
    registry.delete_alias("churn", "best")
    with pytest.raises(AliasNotFoundError):
        registry.get("churn@best")
    first, second = registry.timeline("churn")
    assert (first.pointer, first.version_id) == ("alias:best", 1)
    assert first.until == second.since
    assert second.until is not None
    with pytest.raises(AliasNotFoundError):
        registry.delete_alias("churn", "best")
    with pytest.raises(VersionNotFoundError):
        registry.set_alias("churn", "best", 9)


def test_a_stage_that_several_hold_names_no_single_version(
    registry: Registry, tmp_path: Path
) -> None:
    register_candidate(registry, tmp_path, "a")
    register_candidate(registry, tmp_path, "b")
    with pytest.raises(AmbiguousStageError, match="2, 1"):
        registry.get("churn@candidate")


def test_what_is_in_use_is_not_deleted(registry: Registry, tmp_path: Path) -> None:
    in_production(registry, tmp_path, "a")
    with pytest.raises(VersionInUseError, match="production"):
        registry.delete("churn/1", reason="x")
    register(registry, tmp_path, "b")
    registry.set_alias("churn", "best", 2)
    with pytest.raises(VersionInUseError, match="best"):
        registry.delete("churn/2", reason="x")
    with pytest.raises(VersionInUseError):
        registry.delete_model("churn", reason="x")
    registry.delete_alias("churn", "best")
    registry.hold("churn/2", reason="court order 7")
    with pytest.raises(VersionInUseError, match="court order 7"):
        registry.delete("churn/2", reason="x")
    registry.lift_hold("churn/2")
    registry.delete("churn/2", reason="x")
    kinds = [event.type for event in registry.events()][-3:]
    assert kinds == [
        EventType.VERSION_HELD,
        EventType.VERSION_RELEASED,
        EventType.VERSION_DELETED,
    ]


def test_a_policy_is_written_once_however_often_it_is_given(registry: Registry) -> None:
    registry.set_policy("churn", AUC_POLICY)
    registry.set_policy("churn", AUC_POLICY)
    assert registry.policy("churn") == AUC_POLICY
    assert len(registry.events(types=[EventType.MODEL_UPDATED])) == 1
    registry.set_policy("churn", default_policy())
    assert registry.policy("churn") == default_policy()


def test_an_intact_artifact_passes_and_a_flipped_bit_fails(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register(registry, tmp_path, "a")
    assert registry.run_check(reference, "artifact_intact").passed
    (blob,) = [path for path in (tmp_path / "home").rglob("blobs/**/*") if path.is_file()]
    blob.chmod(0o600)
    blob.write_bytes(b"A")
    verdict = registry.run_check(reference, "artifact_intact")
    assert not verdict.passed
    assert "sha256" in verdict.summary
