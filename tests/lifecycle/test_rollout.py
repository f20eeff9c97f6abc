"""Champion and challenger, shadow and canary: the ready-made policy from end to end."""

from pathlib import Path

import pytest

from pedigree.errors import NothingToRollBackError
from pedigree.lifecycle.policy import rollout_policy
from pedigree.lifecycle.records import MetricRule
from pedigree.registry import Registry
from tests.factories import register_candidate
from tests.lifecycle.deciding import ANN, BEN, let_time_pass


def move_on(registry: Registry) -> list[tuple[int, str]]:
    """Promote what is due until nothing is, as the sensor's runs do."""
    moves = []
    while due := registry.operations.promotions.evaluate_candidates("churn").due:
        move = registry.promote(
            f"churn/{due.version_id}",
            due.stage,
            expected_generation=due.generation,
            automatic=True,
        )
        moves.append((move.version_id, move.stage))
        registry.operations.checks.renew_verdicts("churn")
    return moves


def roll_out(registry: Registry, reference: str, *approvers: object) -> list[tuple[int, str]]:
    moves = move_on(registry)
    for _ in range(2):
        let_time_pass(registry, reference, days=1)
        for actor in approvers:
            if registry.get(reference).stage == "canary":
                registry.approve(reference, "production", comment="watched it", actor=actor)
        moves += move_on(registry)
    return moves


def test_a_champion_is_challenged_shadowed_and_replaced(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", rollout_policy(MetricRule(metric="auc", tolerance=0.02)))
    first = register_candidate(registry, tmp_path, "a", metrics={"auc": 0.8}, risk_class="minimal")
    steps = ["challenger", "shadow", "canary", "production"]
    assert roll_out(registry, first) == [(1, stage) for stage in steps]

    high = register_candidate(registry, tmp_path, "b", metrics={"auc": 0.85}, risk_class="high")
    assert move_on(registry) == [(2, "challenger"), (2, "shadow")]
    # a newer one becomes the challenger in the meantime, and takes the shadow's place
    third = register_candidate(registry, tmp_path, "c", metrics={"auc": 0.9}, risk_class="high")
    assert move_on(registry) == [(3, "challenger"), (3, "shadow")]
    assert registry.get(high).stage == "archived"
    let_time_pass(registry, third, days=1)
    assert move_on(registry) == [(3, "canary")]
    let_time_pass(registry, third, days=1)
    assert registry.explain(third, "production").waits_for == ("2 approvals",)
    registry.approve(third, "production", comment="fine", actor=ANN)
    assert move_on(registry) == []
    registry.approve(third, "production", comment="fine", actor=BEN)
    assert move_on(registry) == [(3, "production")]
    assert registry.get(first).stage == "archived"

    # one that is worse than the new champion never becomes the challenger
    worse = register_candidate(registry, tmp_path, "d", metrics={"auc": 0.5})
    assert registry.get(worse).stage == "none"
    assert registry.rollback("churn", reason="complaints").version_id == 1
    assert registry.champion("churn").reference == first
    assert move_on(registry) == []


def test_a_stage_is_rolled_back_to_what_it_lost_never_to_what_went_on_from_it(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", rollout_policy(MetricRule(metric="auc")))
    fields = {"metrics": {"auc": 0.8}, "risk_class": "minimal"}
    champion = register_candidate(registry, tmp_path, "a", **fields)
    roll_out(registry, champion)
    shadowed = register_candidate(registry, tmp_path, "b", **fields)
    move_on(registry)
    with pytest.raises(NothingToRollBackError) as refused:
        registry.rollback("churn", stage="shadow")
    assert "pedigree promote churn/2 --to archived" in refused.value.remedy
    assert registry.champion("churn").reference == champion

    register_candidate(registry, tmp_path, "c", **fields)
    assert move_on(registry) == [(3, "challenger"), (3, "shadow")]
    move = registry.rollback("churn", stage="shadow", reason="it answers late")
    assert (move.version_id, move.previous_version_id) == (2, 3)
    # it is promoted from there, and the rolled-back version stays out
    let_time_pass(registry, shadowed, days=1)
    assert move_on(registry) == [(2, "canary")]
    assert registry.get("churn/3").stage == "archived"
