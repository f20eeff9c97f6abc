from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from pedigree.dagster import (
    TrainedModel,
    datasheet_metadata,
    expectations_check,
    model_asset,
    model_checks,
)
from pedigree.dagster.assets.model_spec import ModelSpec, model_spec_of
from pedigree.dagster.checks.model_checks import default_checks
from pedigree.errors import InvalidMetadataError
from pedigree.evaluation.measure import evaluate
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import CheckRule, Policy, Severity
from pedigree.registry import Registry
from tests.dagster.models import churn_asset, recipe, to_production, trained

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


def test_every_check_writes_its_verdict_to_the_registry(
    train: Materialize, pedigree: Registry
) -> None:
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


def test_a_worse_model_fails_its_check_and_stops_downstream_assets(
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


def test_a_check_applies_to_the_version_of_its_own_run(
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


def test_the_checks_can_run_alone_and_one_by_one(
    train: Materialize, materialize: Materialize, pedigree: Registry
) -> None:
    train("one")
    key = dg.AssetCheckKey(CHURN.key, "artifact_intact")
    result = materialize(CHURN, CHECKS, selection=dg.AssetSelection.checks(key))
    assert set(evaluations(result)) == {"artifact_intact"}


def test_a_check_without_a_materialization_fails(materialize: Materialize) -> None:
    result = materialize(
        CHURN,
        model_checks(CHURN, blocking=False),
        selection=dg.AssetSelection.checks_for_assets(CHURN.key),
    )
    assert {each.passed for each in evaluations(result).values()} == {False}


def test_a_model_without_a_champion_metric_has_no_regression_check() -> None:
    assert "no_regression" not in default_checks(ModelSpec(name="churn"))
    assert "no_regression" in default_checks(model_spec_of(CHURN))


def test_a_check_of_one_partition_applies_to_its_model(
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


def asked(*stages: tuple[str, CheckRule]) -> Policy:
    """Return the default stages, where some require only one check each."""
    wanted = dict(stages)
    return Policy(
        stages=tuple(
            each.model_copy(update={"checks": (wanted[each.name],) if each.name in wanted else ()})
            for each in default_policy().stages
        )
    )


def requires(*fields: str, severity: Severity = Severity.ERROR) -> CheckRule:
    settings = {"required": list(fields), "recommended": []}
    return CheckRule(name="metadata_complete", severity=severity, settings=settings)


@pytest.mark.parametrize("severity", list(Severity))
def test_an_error_stops_downstream_assets_and_a_warning_does_not(
    materialize: Materialize, severity: Severity
) -> None:
    policy = asked(("candidate", requires("risk_class", severity=severity)))
    model = model_by(policy)

    @dg.asset(deps=[model])
    def downstream() -> None: ...

    checks = model_checks(model, checks=["metadata_complete"])
    result = materialize(model, checks, downstream, raise_on_error=False)
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, found.severity.name) == (False, severity.name)
    keys = {event.asset_key for event in result.get_asset_materialization_events()}
    assert (downstream.key in keys) is (severity is Severity.WARN)


def model_by(policy: Policy) -> dg.AssetsDefinition:
    @model_asset(name="churn", flavor="generic", policy=policy)
    def churn() -> TrainedModel:
        return trained("one")

    return churn


def test_a_check_that_only_a_later_stage_requires_is_a_warning(
    materialize: Materialize, pedigree: Registry
) -> None:
    late = requires("risk_class")
    model = model_by(asked(("candidate", requires("owners")), ("staging", late)))
    result = materialize(model, model_checks(model, checks=["metadata_complete"]))
    (found,) = result.get_asset_check_evaluations()
    assert found.passed
    (later,) = found.metadata["by the settings of later stages"].value
    assert (later["passed"], later["settings"]) == (False, late.settings)
    assert len(pedigree.verdicts("churn/1")) == 2
    (waits,) = pedigree.explain("churn/1", "staging").waits_for
    assert "not provided: risk_class" in waits
    model = model_by(asked(("staging", late)))
    result = materialize(model, model_checks(model, checks=["metadata_complete"]))
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_new_check_of_an_old_version_appears_on_its_own_materialization(
    train: Materialize,
    pedigree: Registry,
    instance: dg.DagsterInstance,
    dagster_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert train("one").success
    assert train("two").success
    first, second = reversed(
        instance.fetch_materializations(dg.AssetRecordsFilter(CHURN.key), limit=2).records
    )
    monkeypatch.chdir(tmp_path)  # without a dagster.yaml
    (verdict,) = pedigree.rerun_check("churn/1", "card_complete")
    key = dg.AssetCheckKey(CHURN.key, "card_complete")
    (shown,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    evaluation = shown.evaluation
    assert evaluation is not None
    assert evaluation.target_materialization_data.storage_id == first.storage_id < second.storage_id
    assert (evaluation.passed, evaluation.description) == (verdict.passed, verdict.summary)
    assert evaluation.metadata["pedigree/reference"].value == "churn/1"


def test_the_datasheet_of_a_source_is_read_from_its_definition(
    materialize: Materialize, pedigree: Registry
) -> None:
    sections = {"motivation": "billing", "composition": "a row each", "collection": "by the CRM"}

    @dg.asset(metadata=datasheet_metadata(**sections))
    def customers() -> None: ...

    @dg.asset(deps=[customers])
    def features() -> None: ...

    policy = asked(("candidate", CheckRule(name="datasheets_present")))

    @model_asset(name="churn", flavor="generic", policy=policy, deps=[features])
    def churn() -> TrainedModel:
        return trained("one")

    names = ["datasheets_present"]
    materialize(customers, features, churn)
    result = materialize(churn, model_checks(churn, checks=names), raise_on_error=False)
    assert evaluations(result)["datasheets_present"].description == "customers has no datasheet"
    checks = model_checks(churn, checks=names, sources=[customers, features])
    for _ in range(2):
        result = materialize(churn, checks)
    assert evaluations(result)["datasheets_present"].passed
    kept = pedigree.datasheet("customers")
    assert (kept.revision, kept.motivation) == (1, "billing")
    with pytest.raises(
        InvalidMetadataError, match="is not a valid datasheet: give a uri, or one of"
    ):
        datasheet_metadata()


def test_a_training_can_return_its_evaluation(materialize: Materialize, pedigree: Registry) -> None:
    measured = evaluate([1, 0, 1], [1, 0, 0], pd.DataFrame({"plan": list("aab")}))

    @model_asset(name="churn", flavor="generic")
    def churn() -> TrainedModel:
        return trained("one", evaluation=measured)

    for _ in range(2):
        materialize(churn)
    kept = pedigree.evaluation("churn/1")
    assert kept is not None
    assert (kept.revision, kept.slices) == (1, measured.slices)


SUITE = {
    "name": "customers",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "tenure"}},
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
    ],
}


@pytest.mark.parametrize(("values", "passes"), [([1.0, 2.0], True), ([1.0, None], False)])
def test_expectations_check_the_training_data_and_are_linked_from_the_version(
    materialize: Materialize, pedigree: Registry, values: list[float], passes: bool
) -> None:
    @dg.asset
    def customers() -> pd.DataFrame:
        return pd.DataFrame({"tenure": values})

    @model_asset(name="churn", flavor="generic", deps=[customers])
    def churn() -> TrainedModel:
        return trained("one")

    suite = expectations_check(customers, SUITE, severity=Severity.ERROR)
    result = materialize(customers, churn, suite, raise_on_error=False)
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, result.success) == (passes, passes)
    keys = {event.asset_key for event in result.get_asset_materialization_events()}
    assert (churn.key in keys) is passes
    if not passes:
        (failed,) = found.metadata["failed"].value
        assert failed["unexpected"] == 1
        materialize(churn)  # a blocking check blocks only its own run
    verdict = pedigree.run_check("churn/1", "training_data_expectations")
    (linked,) = verdict.details["verdicts"]
    assert verdict.passed is linked["passed"] is passes
    assert (linked["asset"], linked["run_id"]) == ("customers", result.run_id)
    materialize(customers, churn)
    assert pedigree.run_check("churn/1", "training_data_expectations").passed is passes


@pytest.mark.parametrize("severity", list(Severity))
def test_a_failed_suite_stops_the_run_only_as_an_error_and_is_linked_either_way(
    materialize: Materialize, pedigree: Registry, severity: Severity
) -> None:
    @dg.asset
    def customers() -> pd.DataFrame:
        return pd.DataFrame({"tenure": [1.0, None]})

    policy = asked(("candidate", CheckRule(name="training_data_expectations")))

    @model_asset(name="churn", flavor="generic", policy=policy, deps=[customers])
    def churn() -> TrainedModel:
        return trained("one")

    stops = severity is Severity.ERROR
    suite = expectations_check(customers, SUITE, severity=severity)
    result = materialize(customers, churn, suite, raise_on_error=False)
    (found,) = result.get_asset_check_evaluations()
    assert (found.passed, found.severity.name) == (False, severity.name)
    assert result.success is not stops
    if stops:
        materialize(churn)  # separately, after a person has looked at it
    verdict = pedigree.run_check("churn/1", "training_data_expectations")
    (linked,) = verdict.details["verdicts"]
    assert (linked["run_id"], linked["severity"]) == (result.run_id, severity.value)
    assert (verdict.passed, verdict.severity) == (False, severity)
    assert pedigree.get("churn/1").stage == ("none" if stops else "candidate")


def test_great_expectations_is_not_imported_by_defining_a_check() -> None:
    import subprocess
    import sys

    code = (
        "import sys, pedigree.dagster as d;"
        "d.expectations_check('a', {'name': 'a'}); d.RegistryResource();"
        "print([m for m in ('great_expectations', 'dagster_aws', 'pandas') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
