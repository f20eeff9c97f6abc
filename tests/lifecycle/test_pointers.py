"""One word for an alias and a stage, as clients of MLflow have it."""

from pathlib import Path

import pytest

from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.errors import (
    AliasNotFoundError,
    GateNotPassedError,
    InvalidAliasError,
    NotPermittedError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.policy import default_policy, policy_without_stages
from pedigree.registry import Registry
from pedigree.registry.pointers import PointerOperations
from tests.factories import register, register_candidate
from tests.lifecycle.test_open_policy import opened


def pointers(registry: Registry) -> PointerOperations:
    return registry.operations.pointers


def test_the_name_of_a_stage_asks_for_the_stage_and_reads_its_newest_holder(
    registry: Registry, tmp_path: Path
) -> None:
    opened(registry, tmp_path, 3)
    move = pointers(registry).point("churn", "Production", 1, reason="served")
    assert move is not None
    assert (move.stage, registry.get("churn/1").stage) == ("production", "production")
    pointers(registry).point("churn", "production", 3)
    assert pointers(registry).pointed("churn", "PRODUCTION").version_id == 3
    assert registry.model("churn").aliases == {}
    left = pointers(registry).unpoint("churn", "production")
    assert left is not None
    assert (left.version_id, registry.get("churn/3").stage) == (3, "none")
    assert pointers(registry).pointed("churn", "production").version_id == 1
    pointers(registry).unpoint("churn", "production")
    with pytest.raises(AliasNotFoundError, match="in this stage"):
        pointers(registry).pointed("churn", "production")
    with pytest.raises(AliasNotFoundError, match="in this stage"):
        pointers(registry).unpoint("churn", "production")


def test_every_other_name_is_an_alias(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 2)
    assert pointers(registry).point("churn", "best", 2) is None
    assert registry.model("churn").aliases == {"best": 2}
    assert pointers(registry).pointed("churn", "best").version_id == 2
    assert pointers(registry).unpoint("churn", "best") is None
    with pytest.raises(AliasNotFoundError):
        pointers(registry).unpoint("churn", "best")
    with pytest.raises(InvalidAliasError):
        pointers(registry).point("churn", "v1", 1)


def test_the_gates_of_the_stage_hold(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", default_policy())
    register(registry, tmp_path, "a")
    with pytest.raises(TransitionNotAllowedError):
        pointers(registry).point("churn", "production", 1)
    register_candidate(registry, tmp_path, "b", metrics={})
    registry.quarantine_version("churn/2", reason="wrong prices")
    with pytest.raises(GateNotPassedError, match="wrong prices"):
        pointers(registry).point("churn", "staging", 2)
    with pytest.raises(AliasNotFoundError):
        pointers(registry).pointed("churn", "staging")


def test_where_the_policy_has_no_way_back_the_stage_stays_held(
    registry: Registry, tmp_path: Path
) -> None:
    register_candidate(registry, tmp_path, "a")
    pointers(registry).point("churn", "staging", 1)
    with pytest.raises(TransitionNotAllowedError, match="no way back"):
        pointers(registry).unpoint("churn", "staging")


def test_models_without_stages_have_aliases_of_any_name(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("greeting", policy_without_stages())
    register(registry, tmp_path, "a", name="greeting")
    for alias in ("production", "archived"):
        assert pointers(registry).point("greeting", alias, 1) is None
    assert registry.model("greeting").aliases == {"production": 1, "archived": 1}
    assert registry.get("greeting@production").reference == "greeting/1"


def test_who_may_not_move_a_model_may_not_point(registry: Registry, tmp_path: Path) -> None:
    opened(registry, tmp_path, 1)
    reader = registry.acting_as(Actor(name="ann", source="token"), permissions={Permission.READ})
    for name in ("production", "best"):
        with pytest.raises(NotPermittedError):
            pointers(reader).point("churn", name, 1)
        with pytest.raises(NotPermittedError):
            pointers(reader).unpoint("churn", name)
