"""Models whose names Dagster rejects for an op, an input or an output."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from pedigree.dagster import promotion_condition, stage_key
from pedigree.lifecycle.policy import default_policy
from pedigree.monitoring.records import DriftRule
from pedigree.registry import Registry
from tests.dagster.location import Location
from tests.dagster.models import ACCURACY, churn_asset, recipe


@pytest.mark.parametrize("name", ["Größe der Wohnung", "a.b-c (old)"])
def test_a_model_with_any_name_is_trained_checked_promoted_monitored_and_used(
    name: str, make_location: Callable[..., Location], pedigree: Registry
) -> None:
    model = churn_asset(name, policy=default_policy(ACCURACY, DriftRule()))
    production = stage_key(name, "production")

    @dg.asset(ins={"model": dg.AssetIn(production)}, automation_condition=promotion_condition())
    def rents(model: Path) -> str:
        return (model / "model.txt").read_text()

    location = make_location(model)

    def run(selection: dg.AssetSelection, **options: object) -> dg.ExecuteInProcessResult:
        chosen = dg.define_asset_job("chosen", selection)
        defs = dg.Definitions.merge(location.definitions, dg.Definitions([rents], jobs=[chosen]))
        job = defs.get_repository_def().get_job("chosen")
        return job.execute_in_process(instance=location.instance, **options)

    trained = run(dg.AssetSelection.assets(model.key), run_config=recipe(model, "one"))
    found = {each.check_name for each in trained.get_asset_check_evaluations()}
    assert found == {verdict.check for verdict in pedigree.verdicts(f"{name}/1")}
    assert {"artifact_intact", "no_regression"} <= found

    assert (location.promote(), location.promote()) == (["staging"], ["production"])
    event = location.instance.get_latest_materialization_event(production).asset_materialization
    assert event.metadata["pedigree/reference"].value == f"{name}/1"
    drift = run(dg.AssetSelection.checks(dg.AssetCheckKey(production, "drift")))
    assert [each.check_name for each in drift.get_asset_check_evaluations()] == ["drift"]
    assert run(dg.AssetSelection.assets(rents)).output_for_node("rents") == "one"

    pedigree.set_alias(name, "champion", 1)
    (event,) = location.tick("pedigree_mirror").asset_events
    assert event.asset_key == model.key
