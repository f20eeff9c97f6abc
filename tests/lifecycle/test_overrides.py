"""Overrides: a right and a reason of their own, no approval is voided, and they always show."""

from pathlib import Path

import psycopg
import pytest

from pedigree.access.records import PERMISSIONS, Permission, Role
from pedigree.audit.event_types import EventType
from pedigree.errors import (
    GateNotPassedError,
    GenerationConflictError,
    InvalidInputError,
    NotPermittedError,
    TransitionNotAllowedError,
)
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.lifecycle.deciding import ANN, BEN, candidate, policy_of, waits_for

WHY = "production is down, and this one works"


@pytest.fixture
def waiting(registry: Registry, tmp_path: Path) -> str:
    """A candidate that needs one approval."""
    registry.set_policy("churn", policy_of(approvals={}))
    return candidate(registry, tmp_path)


def override(registry: Registry, reference: str, **more: object) -> None:
    move = registry.override(reference, "production", **{"reason": WHY, "actor": ANN, **more})
    assert move.moved


def test_an_override_enters_the_stage_and_names_the_gates(registry: Registry, waiting: str) -> None:
    override(registry, waiting)
    assert registry.get(waiting).stage == "production"
    (found,) = registry.overrides(waiting)
    assert (found.overridden_by, found.reason, found.to_stage) == (ANN.name, WHY, "production")
    assert [(gate.name, gate.reason) for gate in found.gates] == [("approvals", "1 approval")]
    (event,) = registry.events(types=[EventType.VERSION_OVERRIDDEN])
    assert (event.actor, event.body["gates"][0]["name"]) == (ANN, "approvals")
    assert registry.decisions(waiting) == ()
    assert registry.get(waiting).approval_status == "none"
    assert check_replay(registry.database).examples == []
    assert registry.fsck().ok


def test_it_is_shown_also_after_the_version_moved_on(
    registry: Registry, waiting: str, tmp_path: Path
) -> None:
    override(registry, waiting)
    registry.promote(waiting, "archived")
    other = candidate(registry, tmp_path, "other")
    assert (registry.get(waiting).overrides, registry.get(other).overrides) == (1, 0)
    assert [each.overrides for each in registry.versions("churn")] == [1, 0]
    held = {each.pointer: each for each in registry.tenures(waiting)}
    assert {name: each.overridden for name, each in held.items()} == {
        "stage:candidate": False,
        "stage:production": True,
        "stage:archived": False,
    }
    assert held["stage:production"].reason == WHY
    assert [each.overridden for each in registry.timeline("churn")].count(True) == 1
    found = registry.search("overridden = true")
    assert [each.reference for each in found] == [waiting]
    assert [each.reference for each in registry.search("overridden = false")] == [other]
    assert [each.overrides for each in found] == [1]
    card = registry.card(waiting)
    assert "past gates that it had not passed, 1 times in all" in card.markdown
    assert card.markdown.count(" (override) |") == 1
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        registry.database.fetch_all("DELETE FROM pedigree.stage_override RETURNING 1")


def test_an_override_voids_no_approval(registry: Registry, waiting: str, tmp_path: Path) -> None:
    approved = candidate(registry, tmp_path, "approved")
    registry.approve(approved, "production", comment="looked at it", actor=ANN)
    override(registry, waiting, actor=BEN)
    assert registry.get(approved).approval_status == "approved"
    assert waits_for(registry, approved) == ()
    assert check_replay(registry.database).examples == []
    # What moves by the policy voids it, also after an override.
    registry.set_alias("churn", "best", 1)
    assert waits_for(registry, approved) == ("1 approval",)
    assert check_replay(registry.database).examples == []


def test_an_approval_from_before_a_move_is_not_revived_by_overrides(
    registry: Registry, waiting: str, tmp_path: Path
) -> None:
    approved = candidate(registry, tmp_path, "approved")
    registry.approve(approved, "production", comment="looked at it", actor=ANN)
    registry.set_alias("churn", "best", 1)
    override(registry, waiting, actor=BEN)
    assert waits_for(registry, approved) == ("1 approval",)


def test_the_author_does_not_override_for_an_own_version(registry: Registry, waiting: str) -> None:
    for name in ("tester", "TESTER", "\N{FULLWIDTH LATIN SMALL LETTER T}ester", "test\u200ber"):
        with pytest.raises(NotPermittedError, match="made by the same person"):
            override(registry, waiting, actor=ANN.model_copy(update={"name": name}))
    assert registry.overrides(waiting) == ()
    assert registry.get(waiting).stage == "candidate"


def test_an_override_needs_its_right_and_a_reason(registry: Registry, waiting: str) -> None:
    for permissions in (PERMISSIONS[Role.DEPLOYER], PERMISSIONS[Role.APPROVER]):
        limited = registry.acting_as(ANN, permissions=permissions)
        with pytest.raises(NotPermittedError):
            limited.override(waiting, "production", reason=WHY)
    for reason in ("", "  "):
        with pytest.raises(InvalidInputError, match="is empty"):
            override(registry, waiting, reason=reason)
    may = registry.acting_as(ANN, permissions={Permission.OVERRIDE})
    assert may.override(waiting, "production", reason=WHY).moved


def test_what_an_override_does_not_do(registry: Registry, waiting: str, tmp_path: Path) -> None:
    with pytest.raises(TransitionNotAllowedError):
        registry.override(waiting, "nirvana", reason=WHY, actor=ANN)
    new = register(registry, tmp_path, "no candidate")
    with pytest.raises(TransitionNotAllowedError):
        override(registry, new)
    registry.quarantine_version(waiting, reason="poisoned")
    with pytest.raises(GateNotPassedError, match="poisoned"):
        override(registry, waiting)
    registry.release_version(waiting, reason="false alarm")
    with pytest.raises(GenerationConflictError):
        override(registry, waiting, expected_generation=0)
    registry.set_policy("spam", free_policy())
    free = register(registry, tmp_path, "x", "spam")
    with pytest.raises(TransitionNotAllowedError, match="there is nothing to override"):
        registry.override(free, "production", reason=WHY, actor=ANN)
    assert registry.overrides(waiting) == registry.overrides(new) == ()


def test_a_rejected_version_stays_rejected(registry: Registry, waiting: str) -> None:
    registry.reject(waiting, "production", comment="biased", actor=BEN)
    override(registry, waiting)
    version = registry.get(waiting)
    assert (version.stage, version.approval_status) == ("production", "rejected")
    assert {gate.name for gate in registry.overrides(waiting)[0].gates} == {
        "not_rejected",
        "approvals",
    }
