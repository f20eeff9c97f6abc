"""Under a policy that says so, deleting a version ends its stage and its aliases first."""

from pathlib import Path

import pytest

from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    ModelNotFoundError,
    NotPermittedError,
    VersionInUseError,
    VersionNotFoundError,
)
from pedigree.lifecycle.policy import open_policy
from pedigree.maintenance.fsck import fsck
from pedigree.registry import Registry
from tests.factories import promote_to_production, register_candidate
from tests.lifecycle.test_open_policy import opened


def last_events(registry: Registry, number: int) -> list[tuple[EventType, int | None]]:
    return [(event.type, event.version) for event in registry.events(limit=1000)[-number:]]


def test_the_stage_and_the_aliases_end_first_with_their_events(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 2)
    registry.promote("churn/1", "production")
    registry.set_alias("churn", "best", 1)
    registry.set_alias("churn", "champion", 1)
    registry.delete("churn/1", reason="a mistake")
    assert last_events(registry, 4) == [
        (EventType.ALIAS_DELETED, 1),
        (EventType.ALIAS_DELETED, 1),
        (EventType.VERSION_STAGE_CHANGED, 1),
        (EventType.VERSION_DELETED, 1),
    ]
    events = registry.events(limit=1000)[-4:]
    assert {event.body["reason"] for event in events} == {"a mistake"}
    assert len({event.body["generation"] for event in events}) == 1
    assert registry.model("churn").aliases == {}
    with pytest.raises(VersionNotFoundError):
        registry.get("churn/1")
    assert registry.restore("churn/1").stage == "none"
    assert fsck(registry.database, registry.store).violated == ()


def test_a_request_that_waits_ends_with_it(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 1)
    registry.promote("churn/1", "staging")
    policy = open_policy().model_dump(mode="json")
    policy["stages"][1]["metadata"] = ["tags.team"]
    registry.set_policy("churn", type(open_policy()).model_validate(policy))
    registry.request_stage("churn/1", "production")
    registry.delete("churn/1", reason="a mistake")
    assert registry.stage_requests("churn") == ()
    assert fsck(registry.database, registry.store).violated == ()


def test_a_legal_hold_always_refuses(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 2)
    registry.promote("churn/1", "production")
    registry.hold("churn/1", reason="a lawsuit")
    before = registry.events(limit=1000)
    with pytest.raises(VersionInUseError, match="on legal hold: a lawsuit"):
        registry.delete("churn/1", reason="a mistake")
    with pytest.raises(VersionInUseError, match="on legal hold: a lawsuit"):
        registry.delete_model("churn", reason="a mistake")
    assert registry.events(limit=1000) == before


def test_elsewhere_it_is_refused_with_what_holds_it(registry: Registry, tmp_path: Path) -> None:
    promote_to_production(registry, register_candidate(registry, tmp_path, "a"))
    with pytest.raises(VersionInUseError, match="holds the stage production"):
        registry.delete("churn/1", reason="a mistake")
    registry.promote("churn/1", "archived")
    registry.set_alias("churn", "best", 1)
    with pytest.raises(VersionInUseError, match="holds the alias best"):
        registry.delete_model("churn", reason="a mistake")


def test_a_model_is_deleted_with_all_that_its_versions_hold(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 3)
    registry.promote("churn/1", "production")
    registry.promote("churn/2", "production")
    registry.set_alias("churn", "best", 3)
    registry.delete_model("churn", reason="a mistake")
    with pytest.raises(ModelNotFoundError):
        registry.model("churn")
    assert fsck(registry.database, registry.store).violated == ()
    assert registry.restore_model("churn") == (1, 2, 3)
    assert registry.model("churn").aliases == {}
    assert fsck(registry.database, registry.store).violated == ()


def test_who_may_not_move_what_it_holds_may_not_delete_it(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 2)
    registry.promote("churn/1", "production")
    registry.set_alias("churn", "best", 2)
    may = {Permission.READ, Permission.DELETE}
    ann = registry.acting_as(Actor(name="ann", source="token"), sees=["churn"], permissions=may)
    with pytest.raises(NotPermittedError):
        ann.delete("churn/1", reason="a mistake")
    with pytest.raises(NotPermittedError):
        ann.delete("churn/2", reason="a mistake")
    registry.demote("churn/1")
    ann.delete("churn/1", reason="a mistake")
