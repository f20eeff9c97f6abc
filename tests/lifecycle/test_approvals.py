"""Approvals and rejections: who may decide, their scope, and what makes them void."""

from pathlib import Path

import psycopg
import pytest

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    GateNotPassedError,
    GenerationConflictError,
    InvalidInputError,
    NotPermittedError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.records import RetentionRule
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from tests.factories import register
from tests.lifecycle.deciding import ANN, BEN, EVE, candidate, policy_of, waits_for


@pytest.fixture
def waiting(registry: Registry, tmp_path: Path) -> str:
    """A candidate that needs one approval."""
    registry.set_policy("churn", policy_of(approvals={}))
    return candidate(registry, tmp_path)


def approve(registry: Registry, reference: str, actor: Actor = ANN) -> None:
    registry.approve(reference, "production", comment="looked at it", actor=actor)


def test_the_sensor_promotes_after_an_approval(registry: Registry, waiting: str) -> None:
    assert waits_for(registry, waiting) == ("1 approval",)
    assert registry.operations.promotions.evaluate_candidates("churn").due is None
    approve(registry, waiting)
    assert registry.operations.promotions.evaluate_candidates("churn").due is not None
    version = registry.get(waiting)
    assert (version.approval_status, version.approved_by) == ("approved", ANN.name)
    assert version.approval_notes == "looked at it"
    assert registry.promote(waiting, "production", automatic=True).moved
    assert registry.get(waiting).approval_status == "approved"
    (event,) = registry.events(types=[EventType.VERSION_APPROVED])
    assert (event.actor, event.body["to_stage"]) == (ANN, "production")


@pytest.mark.parametrize("name", ["tester", "Tester"])
def test_nobody_decides_about_their_own_version(
    registry: Registry, waiting: str, name: str
) -> None:
    author = Actor(name=name, source="test")
    for verb in (registry.approve, registry.reject):
        with pytest.raises(NotPermittedError, match="registered by the same person"):
            verb(waiting, "production", comment="mine is fine", actor=author)
    assert registry.decisions(waiting) == ()


def test_the_database_itself_refuses_the_author_and_a_change(
    registry: Registry, waiting: str
) -> None:
    approve(registry, waiting)
    copied = (
        "INSERT INTO pedigree.decision (model_id, version, digest, author, from_stage, to_stage,"
        " generation, approved, comment, decided_by, decided_by_source, at) SELECT model_id,"
        " version, digest, {author}, from_stage, to_stage, generation, approved, comment,"
        " {decided_by}, decided_by_source, at FROM pedigree.decision"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="decision_not_by_author"):
        registry.database.fetch_all(copied.format(author="author", decided_by="author"))
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="decision_version"):
        registry.database.fetch_all(copied.format(author="'somebody'", decided_by="'ben'"))
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        registry.database.fetch_all("UPDATE pedigree.decision SET generation = 99")


def test_as_many_people_must_approve_as_the_risk_class_asks(
    registry: Registry, tmp_path: Path
) -> None:
    rule = {"needed": 1, "by_risk_class": {"high": 2, "minimal": 0}}
    registry.set_policy("churn", policy_of(approvals=rule))
    minimal = candidate(registry, tmp_path, "a", risk_class="minimal")
    high = candidate(registry, tmp_path, "b", risk_class="high")
    other = candidate(registry, tmp_path, "c")
    assert waits_for(registry, minimal) == ()
    assert waits_for(registry, other) == ("1 approval",)
    assert waits_for(registry, high) == ("2 approvals",)
    approve(registry, high, ANN)
    approve(registry, high, ANN)
    assert waits_for(registry, high) == ("1 approval",)
    assert registry.get(high).approval_status == "pending"
    approve(registry, high, BEN)
    assert waits_for(registry, high) == ()
    assert registry.get(high).approval_status == "approved"


def test_only_those_approve_whom_the_policy_names(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(approvals={"by": ["ann@*"]}))
    reference = candidate(registry, tmp_path)
    assert waits_for(registry, reference) == ("1 approval by ann@*",)
    with pytest.raises(NotPermittedError, match="Ask ann@"):
        approve(registry, reference, EVE)
    approve(registry, reference, ANN)
    assert waits_for(registry, reference) == ()
    registry.set_policy("churn", policy_of(approvals={"by": ["ben@*"]}))
    assert waits_for(registry, reference) == ("1 approval by ben@*",)


def test_an_approval_expires_when_the_policy_says_so(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(approvals={"expire_after": "7d"}))
    reference = candidate(registry, tmp_path)
    approve(registry, reference)
    explanation = registry.explain(reference, "production")
    assert explanation.passed
    (decision,) = registry.decisions(reference)
    assert (explanation.next_evaluation_at - decision.at).days == 7
    registry.set_policy("churn", policy_of(approvals={"expire_after": "0"}))
    assert waits_for(registry, reference) == ("1 approval",)


def set_alias(registry: Registry, _: str, __: Path) -> None:
    registry.set_alias("churn", "best", 1)


def move_another(registry: Registry, _: str, folder: Path) -> None:
    registry.promote(candidate(registry, folder, "other"), "archived")


def leave_and_come_back(registry: Registry, reference: str, _: Path) -> None:
    registry.promote(reference, "archived")


def be_deleted_and_restored(registry: Registry, reference: str, _: Path) -> None:
    registry.delete(reference, reason="test")
    registry.restore(reference)


def meet_a_newer_candidate(registry: Registry, _: str, folder: Path) -> None:
    candidate(registry, folder, "newer")


def have_the_policy_ask_for_less(registry: Registry, _: str, __: Path) -> None:
    registry.set_policy("churn", policy_of(approvals={}, automatic=False))


@pytest.mark.parametrize(
    "change",
    [
        set_alias,
        move_another,
        leave_and_come_back,
        be_deleted_and_restored,
        meet_a_newer_candidate,
        have_the_policy_ask_for_less,
    ],
)
def test_any_change_makes_an_approval_void(
    registry: Registry, waiting: str, tmp_path: Path, change
) -> None:
    approve(registry, waiting)
    change(registry, waiting, tmp_path)
    assert "1 approval" in waits_for(registry, waiting)
    assert registry.get(waiting).approval_status == "pending"
    with pytest.raises(GateNotPassedError, match="1 approval"):
        registry.promote(waiting, "production")
    approve(registry, waiting)
    assert registry.promote(waiting, "production").moved
    assert check_replay(registry.database).examples == []


def test_an_approval_is_of_one_version_s_bytes(
    registry: Registry, waiting: str, tmp_path: Path
) -> None:
    approve(registry, waiting)
    other = candidate(registry, tmp_path, "other bytes")
    assert waits_for(registry, other) == ("1 approval",)
    assert registry.decisions(other) == ()
    (decision,) = registry.decisions(waiting)
    assert decision.digest == registry.get(waiting).digest != registry.get(other).digest


def test_what_decides_nothing_leaves_an_approval(
    registry: Registry, waiting: str, tmp_path: Path
) -> None:
    approve(registry, waiting)
    registry.update(waiting, description="the first", owners=["ann"], tags={"team": "x"})
    registry.set_retention("churn", RetentionRule(keep_production=5))
    registry.run_check(waiting, "artifact_intact")
    register(registry, tmp_path, "a", run_id="run-2")
    assert waits_for(registry, waiting) == ()
    assert registry.promote(waiting, "production").moved


def test_an_approval_of_what_somebody_saw_is_refused_when_that_has_changed(
    registry: Registry, waiting: str
) -> None:
    seen = registry.get(waiting).generation
    registry.set_alias("churn", "best", 1)
    with pytest.raises(GenerationConflictError):
        registry.approve(waiting, "production", comment="fine", expected_generation=seen, actor=ANN)


def test_a_rejection_voids_approvals_and_is_valid_until_a_new_approval(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(approvals={"needed": 2}))
    reference = candidate(registry, tmp_path)
    approve(registry, reference, ANN)
    registry.reject(reference, "production", comment="biased", actor=BEN)
    version = registry.get(reference)
    assert (version.approval_status, version.approved_by) == ("rejected", None)
    assert waits_for(registry, reference) == ("a new approval; it was rejected", "2 approvals")
    registry.set_alias("churn", "best", 1)
    assert "a new approval; it was rejected" in waits_for(registry, reference)
    approve(registry, reference, BEN)
    assert waits_for(registry, reference) == ("1 approval",)
    registry.reject(reference, "production", comment="still biased", actor=ANN)
    assert registry.promote(reference, "archived").moved
    assert check_replay(registry.database).examples == []


def test_what_cannot_be_entered_cannot_be_approved(registry: Registry, waiting: str) -> None:
    for stage in ("candidate", "nirvana"):
        with pytest.raises(TransitionNotAllowedError):
            registry.approve(waiting, stage, comment="fine", actor=ANN)
    with pytest.raises(InvalidInputError, match="is empty"):
        registry.approve(waiting, "production", comment=" ", actor=ANN)
