"""Deleted models and versions are restored unchanged while their bytes exist."""

from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.audit.event_types import EventType
from pedigree.errors import (
    BytesTakenError,
    InvalidReferenceError,
    ModelNotFoundError,
    NameTakenError,
    VersionNotFoundError,
)
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import RetentionRule
from pedigree.registry import Registry
from tests.factories import register, register_candidate


def test_a_restored_version_is_the_one_that_was_deleted(registry: Registry, tmp_path: Path) -> None:
    reference = register_candidate(registry, tmp_path, "a", metrics={"auc": 0.9})
    before = registry.get(reference)
    registry.delete(reference, reason="by mistake")
    with pytest.raises(VersionNotFoundError):
        registry.get(reference)
    restored = registry.restore(reference, reason="it was a mistake")
    moved = {
        "stage_since": before.stage_since,
        "generation": before.generation,
        "last_updated_at": before.last_updated_at,
    }
    assert restored.model_copy(update=moved) == before
    assert restored.last_updated_at > before.last_updated_at
    assert restored.stage == "candidate"
    registry.verify(reference)
    event = registry.events(types=[EventType.VERSION_RESTORED])[0]
    assert event.body == {
        "digest": before.digest,
        "stage": "candidate",
        "generation": restored.generation,
        "voided": [],
        "reason": "it was a mistake",
    }


def test_restoring_a_living_version_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    reference = register(registry, tmp_path, "a")
    before = registry.events()
    assert registry.restore(reference) == registry.get(reference)
    assert registry.restore_model("churn") == ()
    assert registry.events() == before


def test_a_version_that_never_existed_cannot_be_restored(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    with pytest.raises(VersionNotFoundError):
        registry.restore("churn/2")
    with pytest.raises(ModelNotFoundError):
        registry.restore("other/1")
    with pytest.raises(ModelNotFoundError):
        registry.restore_model("other")
    with pytest.raises(InvalidReferenceError, match="by its number"):
        registry.restore("churn@production")


def test_bytes_that_were_registered_again_prevent_the_restore(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    registry.delete("churn/1", reason="test")
    assert register(registry, tmp_path, "a") == "churn/2"
    with pytest.raises(BytesTakenError, match="churn/2"):
        registry.restore("churn/1")
    registry.delete("churn/2", reason="test")
    assert registry.restore("churn/1").version_id == 1
    with pytest.raises(BytesTakenError, match="churn/1"):
        registry.restore("churn/2")
    assert register(registry, tmp_path, "b") == "churn/3", "numbers never come back"


def test_a_restored_model_has_the_versions_that_were_deleted_with_it(
    registry: Registry, tmp_path: Path
) -> None:
    for content in ("a", "b", "c"):
        register(registry, tmp_path, content)
    registry.delete("churn/2", reason="before its model")
    registry.delete_model("churn", reason="test")
    with pytest.raises(NameTakenError):
        register(registry, tmp_path, "d")
    with pytest.raises(ModelNotFoundError):
        registry.restore("churn/1")
    assert registry.restore_model("churn", reason="back") == (1, 3)
    assert [version.version_id for version in registry.versions("churn")] == [1, 3]
    assert registry.restore("churn/2").version_id == 2
    assert [event.type for event in registry.events()][-4:] == [
        EventType.MODEL_RESTORED,
        *[EventType.VERSION_RESTORED] * 3,
    ]


def test_a_stage_that_the_policy_has_dropped_is_not_returned_to(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    registry.delete(reference, reason="test")
    policy = default_policy()
    rules = tuple(
        rule.model_copy(update={"after": ("none",)})
        for rule in policy.stages
        if rule.name in ("production", "archived")
    )
    registry.set_policy("churn", policy.model_copy(update={"stages": rules}))
    assert registry.restore(reference).stage == "none"


def test_a_policy_without_a_rule_for_retention_leaves_the_one_that_is_there(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a")
    assert registry.retention("churn") == RetentionRule()
    rule = RetentionRule(keep_production=3, window=timedelta(days=400))
    assert registry.set_retention("churn", rule) == rule
    registry.set_policy("churn", default_policy())
    assert registry.retention("churn") == rule
    registry.set_policy("churn", default_policy().model_copy(update={"retention": RetentionRule()}))
    assert registry.retention("churn") == RetentionRule()
    with pytest.raises(ModelNotFoundError):
        registry.set_retention("other", rule)
