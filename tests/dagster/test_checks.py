from collections.abc import Callable

import dagster as dg
import pandas as pd
import pytest

from pedigree.dagster import expectations_check, model_checks
from pedigree.dagster.checks import default_checks
from pedigree.dagster.line import ModelLine, line_of
from pedigree.registry import Registry
from tests.dagster.models import churn_asset, recipe

Materialize = Callable[..., dg.ExecuteInProcessResult]
CHURN = churn_asset()
CHECKS = model_checks(CHURN)


@pytest.fixture
def train(materialize: Materialize) -> Materialize:
    def run(content: str, accuracy: float = 0.8, *also: object) -> dg.ExecuteInProcessResult:
        return materialize(
            CHURN,
            CHECKS,
            *also,
            run_config=recipe(CHURN, content, accuracy),
            raise_on_error=False,
        )

    return run


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def to_production(registry: Registry, version: int) -> None:
    for name in ("staging", "production"):
        registry.promote(f"churn/{version}", name)


def test_every_check_judges_and_the_registry_knows(train: Materialize, pedigree: Registry) -> None:
    result = train("one")
    found = evaluations(result)
    digest = pedigree.get("churn/1").digest
    assert set(found) == {
        "metadata_complete",
        "signature_compatible",
        "artifact_intact",
        "no_regression",
    }
    assert {each.metadata["pedigree/digest"].value for each in found.values()} == {digest}
    verdicts = pedigree.verdicts("churn/1")
    assert {verdict.check for verdict in verdicts} == set(found)
    assert {verdict.run_id for verdict in verdicts} == {result.run_id}
    card = pedigree.card("churn/1").markdown
    assert all(f"| {name} |" in card for name in found)


def test_a_worse_model_fails_its_check_and_stops_what_follows(
    train: Materialize, pedigree: Registry
) -> None:
    @dg.asset(deps=[CHURN])
    def downstream() -> None: ...

    assert train("one", 0.9).success
    to_production(pedigree, 1)
    result = train("two", 0.5, downstream)
    assert not result.success
    failed = evaluations(result)["no_regression"]
    assert not failed.passed
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert failed.metadata["pedigree/baseline_digest"].value == pedigree.get("churn/1").digest
    keys = {event.asset_key for event in result.get_asset_materialization_events()}
    assert downstream.key not in keys
    assert pedigree.get("churn/2").stage == "none"


def test_a_check_judges_the_version_of_its_own_run(
    materialize: Materialize, pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    materialize(CHURN, run_config=recipe(CHURN, "one"))
    other = pedigree.get("churn/1")

    @dg.asset(deps=[CHURN], key="between")
    def overtake() -> None:
        # another run materializes the model between the training and the checks
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                CHURN.key,
                metadata={"pedigree/reference": other.reference, "pedigree/digest": other.digest},
            )
        )

    checks = model_checks(CHURN, blocking=False)
    result = materialize(CHURN, overtake, run_config=recipe(CHURN, "two"))
    newest = instance.get_latest_materialization_event(CHURN.key).asset_materialization
    assert newest.metadata["pedigree/reference"].value == "churn/1"
    rerun = materialize(CHURN, checks, selection=dg.AssetSelection.checks_for_assets(CHURN.key))
    assert evaluations(rerun)["artifact_intact"].metadata["pedigree/reference"].value == "churn/1"
    assert result.success


def test_the_checks_can_be_run_alone_and_one_by_one(
    train: Materialize, materialize: Materialize, pedigree: Registry
) -> None:
    train("one")
    key = dg.AssetCheckKey(CHURN.key, "artifact_intact")
    result = materialize(CHURN, CHECKS, selection=dg.AssetSelection.checks(key))
    assert set(evaluations(result)) == {"artifact_intact"}


def test_without_a_materialization_there_is_nothing_to_judge(materialize: Materialize) -> None:
    result = materialize(
        CHURN,
        model_checks(CHURN, blocking=False),
        selection=dg.AssetSelection.checks_for_assets(CHURN.key),
    )
    assert {each.passed for each in evaluations(result).values()} == {False}


def test_a_model_without_a_champion_s_metric_has_no_regression_check() -> None:
    assert "no_regression" not in default_checks(ModelLine(name="churn"))
    assert "no_regression" in default_checks(line_of(CHURN))


def test_a_check_of_one_partition_judges_its_model(
    materialize: Materialize, pedigree: Registry
) -> None:
    model = churn_asset("by_country", partitions_def=dg.StaticPartitionsDefinition(["de", "fr"]))
    for country in ("de", "fr"):
        result = materialize(
            model,
            model_checks(model),
            partition_key=country,
            run_config=recipe(model, country),
        )
    assert result.success
    found = evaluations(result)["artifact_intact"]
    assert found.metadata["pedigree/reference"].value == "by_country-fr/1"


SUITE = {
    "name": "customers",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "tenure"}},
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
    ],
}


@pytest.mark.parametrize(("values", "passes"), [([1.0, 2.0], True), ([1.0, None], False)])
def test_expectations_hold_the_training_data_before_it_is_used(
    materialize: Materialize, values: list[float], passes: bool
) -> None:
    @dg.asset
    def customers() -> pd.DataFrame:
        return pd.DataFrame({"tenure": values})

    @dg.asset(deps=[customers])
    def trains() -> None: ...

    result = materialize(
        customers, trains, expectations_check(customers, SUITE), raise_on_error=False
    )
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, result.success) == (passes, passes)
    keys = {event.asset_key for event in result.get_asset_materialization_events()}
    assert (trains.key in keys) is passes
    if not passes:
        (failed,) = found.metadata["failed"].value
        assert failed["unexpected"] == 1


def test_great_expectations_is_not_imported_by_defining_a_check() -> None:
    import subprocess
    import sys

    code = (
        "import sys, pedigree.dagster as d; d.expectations_check('a', {}); d.RegistryResource();"
        "print([m for m in ('great_expectations', 'dagster_aws', 'pandas') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
