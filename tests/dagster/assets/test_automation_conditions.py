"""When the consumers of a stage run again, tick by tick as the daemon sees it."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster import input_condition, promotion_condition

STAGE = dg.AssetKey(["models", "churn", "production"])
Tick = Callable[[], bool]


@dg.asset(
    deps=[STAGE, "features"],
    automation_condition=promotion_condition(),
)
def scores() -> None:
    """Made again when another version holds the stage."""


@dg.asset(deps=[STAGE, "features"], automation_condition=input_condition())
def reports() -> None:
    """Made again when any input changes."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def evaluate(instance: dg.DagsterInstance) -> Callable[[], set[str]]:
    """One tick; returns the assets that it requests."""
    definitions = dg.Definitions([scores, reports, dg.AssetSpec(STAGE), dg.AssetSpec("features")])
    cursor: Any = None

    def tick() -> set[str]:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor)
        cursor = result.cursor
        return {
            asset.key.to_user_string()
            for asset in (scores, reports)
            if result.get_num_requested(asset.key)
        }

    return tick


def say(instance: dg.DagsterInstance, key: dg.AssetKey | str, data_version: str) -> None:
    tags = {"dagster/data_version": data_version}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, tags=tags))


def test_another_version_in_the_stage_runs_them_and_the_same_one_does_not(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    say(instance, "features", "f1")
    assert evaluate() == set()
    say(instance, STAGE, "v1")
    assert evaluate() == {"scores", "reports"}
    assert evaluate() == set()
    say(instance, STAGE, "v1")
    assert evaluate() == set()
    say(instance, STAGE, "v2")
    assert evaluate() == {"scores", "reports"}


def test_other_inputs_run_only_those_that_ask_for_it(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    say(instance, STAGE, "v1")
    say(instance, "features", "f1")
    evaluate()
    evaluate()
    say(instance, "features", "f2")
    assert evaluate() == {"reports"}


def test_a_promotion_in_the_interval_in_which_the_run_before_ended_is_not_lost(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    say(instance, "features", "f1")
    evaluate()
    say(instance, STAGE, "v1")
    assert "scores" in evaluate()
    say(instance, "scores", "by v1")
    say(instance, STAGE, "v2")
    assert "scores" in evaluate()
    say(instance, "scores", "by v2")
    assert "scores" not in evaluate()


def test_a_stage_nobody_holds_runs_nothing(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    evaluate()
    say(instance, "features", "f1")
    assert evaluate() == set()
