"""Automation conditions for the consumers of a stage, evaluated tick by tick."""

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
    """Runs when another version enters the stage."""


@dg.asset(deps=[STAGE, "features"], automation_condition=input_condition())
def reports() -> None:
    """Runs when any input changes."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def evaluate(instance: dg.DagsterInstance) -> Callable[[], set[str]]:
    """Evaluate one tick, and return the assets that it requests."""
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


def report(instance: dg.DagsterInstance, key: dg.AssetKey | str, data_version: str) -> None:
    tags = {"dagster/data_version": data_version}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, tags=tags))


def test_promotion_condition_requests_a_run_only_for_another_version(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    report(instance, "features", "f1")
    assert evaluate() == set()
    report(instance, STAGE, "v1")
    assert evaluate() == {"scores", "reports"}
    assert evaluate() == set()
    report(instance, STAGE, "v1")
    assert evaluate() == set()
    report(instance, STAGE, "v2")
    assert evaluate() == {"scores", "reports"}


def test_other_inputs_run_only_assets_with_the_input_condition(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    report(instance, STAGE, "v1")
    report(instance, "features", "f1")
    evaluate()
    evaluate()
    report(instance, "features", "f2")
    assert evaluate() == {"reports"}


def test_a_promotion_in_the_interval_in_which_the_previous_run_ended_is_not_lost(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    report(instance, "features", "f1")
    evaluate()
    report(instance, STAGE, "v1")
    assert "scores" in evaluate()
    report(instance, "scores", "by v1")
    report(instance, STAGE, "v2")
    assert "scores" in evaluate()
    report(instance, "scores", "by v2")
    assert "scores" not in evaluate()


def test_an_empty_stage_requests_no_run(
    instance: dg.DagsterInstance, evaluate: Callable[[], set[str]]
) -> None:
    evaluate()
    report(instance, "features", "f1")
    assert evaluate() == set()
