"""Champion, challenger, shadow and canary as stages in the asset graph, moved by the sensor."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import StageConfig, promotion_condition, registry_definitions, stage_key
from pedigree.dagster.assets.model_spec import model_spec_of
from pedigree.dagster.assets.stages import stage_op
from pedigree.lifecycle.policy_yaml import read_document
from pedigree.registry import Registry
from tests.dagster.location import Location
from tests.dagster.models import churn_asset, recipe
from tests.lifecycle.deciding import ANN, let_time_pass

ROLLOUT = read_document(
    """
stages:
- {name: candidate, after: [none], checks: [metadata_complete]}
- {name: staging, after: [candidate], automatic: true, checks: [artifact_intact]}
- name: challenger
  after: [staging]
  exclusive: true
  automatic: true
  metrics: [{metric: accuracy, against_champion: true}]
- {name: shadow, after: [challenger], exclusive: true, automatic: true}
- {name: canary, after: [shadow], exclusive: true, automatic: true, soak: 1d}
- name: production
  after: [canary, archived]
  exclusive: true
  automatic: true
  soak: 2d
  approvals: {needed: 1}
- name: archived
  after: [none, candidate, staging, challenger, shadow, canary, production]
"""
)
CHURN = churn_asset(policy=ROLLOUT)
MODEL_SPEC = model_spec_of(CHURN)


def answers_of(stage: str) -> dg.AssetsDefinition:
    """Return an asset with a stage's answers, which runs when another version enters it."""

    @dg.asset(
        name=f"{stage}_answers",
        ins={"model": dg.AssetIn(stage_key("churn", stage))},
        automation_condition=promotion_condition(),
    )
    def answers(model: ModelVersion) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(metadata={"by": model.version_id})

    return answers


@pytest.fixture
def location(instance: dg.DagsterInstance, resources: dict[str, Any]) -> Location:
    consumers = [answers_of(stage) for stage in ("shadow", "canary", "production")]
    definitions = dg.Definitions.merge(
        dg.Definitions(assets=[CHURN, *consumers]),
        registry_definitions(CHURN, registry=resources["registry"]),
    )
    return Location(instance, definitions, resources)


@pytest.fixture
def train(location: Location) -> Callable[..., None]:
    def run(content: str, accuracy: float) -> None:
        location.materialize(CHURN.key, checks=True, run_config=recipe(CHURN, content, accuracy))

    return run


def move_on(location: Location) -> list[str]:
    """Tick the promotion sensor until it requests nothing, and return the entered stages."""
    moves = []
    while entered := location.promote():
        moves += entered
    return moves


def roll_back(location: Location, stage: str) -> None:
    config = StageConfig(rollback=True, reason="it answers late")
    config_of_run = dg.RunConfig(ops={stage_op(MODEL_SPEC, stage): config})
    location.materialize(MODEL_SPEC.stage_key(stage), run_config=config_of_run)


def to_production(registry: Registry, reference: str) -> None:
    """Move a version through all stages outside Dagster."""
    for stage in MODEL_SPEC.stages[:-1]:
        registry.promote(reference, stage)
        let_time_pass(registry, reference, days=2)
    registry.approve(reference, "production", comment="the first", actor=ANN)
    registry.promote(reference, "production")


def test_a_challenger_goes_through_shadow_and_canary_and_is_rolled_back(
    location: Location, train: Callable[..., None], pedigree: Registry
) -> None:
    location.follow()
    train("champion", 0.8)
    to_production(pedigree, "churn/1")
    location.mirror()
    assert location.follow()["production_answers"] == 1

    train("challenger", 0.85)
    assert move_on(location) == ["staging", "challenger", "shadow"]
    assert location.follow() == {"shadow_answers": 2}
    assert pedigree.candidacies("churn/2")[0].waits_for[0].startswith("the end of its 1d in shadow")

    # a newer version replaces the shadow, is bad, and is rolled back
    train("hasty", 0.9)
    assert move_on(location) == ["staging", "challenger", "shadow"]
    assert location.follow() == {"shadow_answers": 3}
    roll_back(location, "shadow")
    assert location.follow() == {"shadow_answers": 2}
    assert pedigree.get("churn/3").stage == "archived"

    let_time_pass(pedigree, "churn/2", days=1)
    assert move_on(location) == ["canary"]
    assert location.follow() == {"canary_answers": 2}
    let_time_pass(pedigree, "churn/2", days=2)
    assert move_on(location) == []
    pedigree.approve("churn/2", "production", comment="watched it", actor=ANN)
    assert move_on(location) == ["production"]
    assert location.follow() == {"production_answers": 2}

    roll_back(location, "production")
    assert location.follow() == {"production_answers": 1}
    assert move_on(location) == []


def test_a_candidate_that_is_worse_than_the_champion_does_not_become_challenger(
    location: Location, train: Callable[..., None], pedigree: Registry
) -> None:
    train("champion", 0.8)
    to_production(pedigree, "churn/1")
    train("worse", 0.7)
    assert location.promote() == ["staging"]
    message = location.tick("pedigree_promotion").skip_message
    assert "churn/2 → challenger: metric accuracy: 0.7 is worse than the 0.8 of churn/1" in message
