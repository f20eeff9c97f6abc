"""Drift assets and the drift sensor on a real instance: results and reactions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from pedigree.audit.event_types import EventType
from pedigree.dagster import (
    TrainedModel,
    drift_asset,
    model_asset,
    model_checks,
    registry_definitions,
    stage_key,
)
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.policy import default_policy
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DriftAction, DriftRule
from pedigree.registry import Registry
from tests.dagster.models import Recipe, churn_asset, plotted, recipe, to_production, trained

MONTHS = dg.StaticPartitionsDefinition(["01", "02", "03", "04", "05"])
SHIFT = {"04": 12.0, "05": 15.0}
PRODUCTION = stage_key("churn", "production")
SUITE = {
    "name": "subscribers",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "age", "min_value": 0}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "age", "max_value": 45}},
    ],
}


def customers_of(month: str) -> pd.DataFrame:
    random = np.random.default_rng(int(month))
    age = random.normal(40 + SHIFT.get(month, 0.0), 10, 1500)
    return pd.DataFrame(
        {"age": age, "plan": random.choice(["a", "b", "c"], 1500), "churns": age / 100}
    )


@dg.asset(partitions_def=MONTHS)
def subscribers(context: dg.AssetExecutionContext) -> pd.DataFrame:
    return customers_of(context.partition_key)


def monitored_model(rule: DriftRule) -> dg.AssetsDefinition:
    @model_asset(name="churn", flavor="generic", policy=default_policy(drift=rule))
    def churn(config: Recipe) -> TrainedModel:
        learnt_from = pd.concat([customers_of("01"), customers_of("02")])
        return trained(
            config.content,
            training_data_version="subscribers of 01 and 02",
            training_profile=profile(learnt_from, prediction="churns"),
        )

    return churn


@drift_asset(model="churn", serving=subscribers, expectations={"customers_suite": SUITE})
def churn_drift(subscribers: pd.DataFrame) -> pd.DataFrame:
    """Return the customers of a month."""
    return subscribers


@dataclass
class MonitoredLocation:
    """A location with a monitored model, and the cursor of its sensor."""

    instance: dg.DagsterInstance
    model: dg.AssetsDefinition
    resources: dict[str, Any]
    definitions: dg.Definitions
    cursor: str | None = None
    runs: list[dg.RunRequest] = field(default_factory=list)

    def train(self, content: str) -> None:
        dg.materialize(
            [self.model, model_checks(self.model)],
            instance=self.instance,
            resources=self.resources,
            run_config=recipe(self.model, content),
        )

    def measure(self, month: str, **options: Any) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [subscribers, churn_drift],
            instance=self.instance,
            resources=self.resources,
            partition_key=month,
            **options,
        )

    def tick(self) -> Any:
        repository = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance,
            repository_def=repository,
            resources=self.resources,
            cursor=self.cursor,
        ) as context:
            answer = repository.get_sensor_def("pedigree_drift").evaluate_tick(context)
        self.cursor = answer.cursor
        for event in answer.asset_events:
            self.instance.report_runless_asset_event(event)
        return answer

    def execute(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        job = self.definitions.get_repository_def().get_job(request.job_name)
        return job.execute_in_process(
            instance=self.instance,
            run_config=request.run_config,
            asset_selection=list(request.asset_selection) if request.asset_selection else None,
        )


@pytest.fixture
def make_monitored(
    instance: dg.DagsterInstance, resources: dict[str, Any], pedigree: Registry
) -> Callable[[DriftRule], MonitoredLocation]:
    def make(rule: DriftRule) -> MonitoredLocation:
        model = monitored_model(rule)
        definitions = dg.Definitions.merge(
            dg.Definitions(assets=[model, subscribers, churn_drift]),
            registry_definitions(model, registry=resources["registry"]),
        )
        watched = MonitoredLocation(instance, model, resources, definitions)
        watched.train("one")
        to_production(pedigree, 1, renew=True)
        return watched

    return make


def test_a_month_is_compared_with_the_training_data_of_production(
    make_monitored: Callable[[DriftRule], MonitoredLocation], pedigree: Registry
) -> None:
    watched = make_monitored(DriftRule())
    run = watched.measure("04")
    (found,) = pedigree.drift("churn@production")
    assert (found.reference, found.asset, found.partition) == ("churn/1", "subscribers", "04")
    assert found.baseline == pedigree.profile("churn/1").digest
    assert found.run_id == run.run_id
    assert {column.column for column in found.comparison.columns if column.drifted} == {
        "age",
        "churns",
    }
    assert "the prediction churns" in found.verdict
    event = watched.instance.get_latest_materialization_event(churn_drift.key)
    materialization = event.asset_materialization
    assert materialization.partition == "04"
    assert materialization.metadata["pedigree/reference"].value == "churn/1"
    assert materialization.metadata["pedigree/columns"].value == ["age", "churns"]
    assert "subscribers of 01 and 02" in materialization.metadata["pedigree/baseline"].value
    assert materialization.metadata["distance/age"].value > 0.3
    assert "# Drift" not in materialization.metadata["pedigree/report"].value
    assert all(
        name.startswith(("distance/", "psi/", "dagster/")) for name in plotted(materialization)
    )
    # the suite of Great Expectations checked the same month
    (check,) = run.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("customers_suite", False)
    (suite,) = found.expectations
    assert (suite.met, suite.total) == (1, 2)
    assert suite.failed == ("expect_column_mean_to_be_between",)


def test_results_become_evaluations_on_the_stage_and_alarms_become_events(
    make_monitored: Callable[[DriftRule], MonitoredLocation], pedigree: Registry
) -> None:
    watched = make_monitored(DriftRule())
    for month in ("03", "04"):
        watched.measure(month)
    answer = watched.tick()
    assert [
        (each.asset_key, each.check_name, each.passed, each.severity)
        for each in answer.asset_events
    ] == [
        (PRODUCTION, "drift", True, dg.AssetCheckSeverity.WARN),
        (PRODUCTION, "drift", False, dg.AssetCheckSeverity.WARN),
    ]
    alarm = answer.asset_events[1].metadata
    assert alarm["pedigree/reference"].value == "churn/1"
    assert alarm["pedigree/partition"].value == "04"
    assert alarm["pedigree/columns"].value == ["age", "churns"]
    assert answer.run_requests == []
    detected = pedigree.events(types=[EventType.VERSION_DRIFT_DETECTED])
    assert [(event.subject, event.body["partition"]) for event in detected] == [("churn/1", "04")]
    # a killed daemon repeats a tick: the event is still recorded once
    watched.cursor = None
    watched.tick()
    assert len(pedigree.events(types=[EventType.VERSION_DRIFT_DETECTED])) == 1
    assert watched.tick().asset_events == []


@pytest.fixture
def page_address(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the registry's pages, for a registry that is opened after it."""
    monkeypatch.setenv("PEDIGREE_URL", "https://registry.example.com")
    return "https://registry.example.com"


def test_a_manual_run_of_the_drift_check_repeats_the_newest_result(
    page_address: str, make_monitored: Callable[[DriftRule], MonitoredLocation]
) -> None:
    watched = make_monitored(DriftRule())
    job = watched.definitions.get_repository_def().get_implicit_global_asset_job_def()

    def judged() -> dg.AssetCheckEvaluation:
        run = job.get_subset(asset_check_selection={dg.AssetCheckKey(PRODUCTION, "drift")})
        (check,) = run.execute_in_process(instance=watched.instance).get_asset_check_evaluations()
        return check

    assert judged().passed
    watched.measure("04")
    check = judged()
    assert not check.passed
    assert "subscribers[04] differs from the training data of churn/1" in (check.description or "")
    page = dg.MetadataValue.url(f"{page_address}/models/churn/versions/1")
    assert check.metadata["pedigree/page"] == page


def test_drift_requests_one_retraining_per_tick_if_the_policy_says_so(
    make_monitored: Callable[[DriftRule], MonitoredLocation], pedigree: Registry
) -> None:
    watched = make_monitored(DriftRule(action=DriftAction.RETRAIN, windows=2))
    watched.measure("03")
    watched.measure("04")
    # one month is not enough
    assert watched.tick().run_requests == []
    watched.measure("05")
    (request,) = watched.tick().run_requests
    assert watched.execute(request).success
    assert pedigree.get("churn@latest").version_id == 2


def test_drift_requests_a_rollback_if_the_policy_says_so(
    make_monitored: Callable[[DriftRule], MonitoredLocation], pedigree: Registry
) -> None:
    watched = make_monitored(DriftRule(action=DriftAction.DEMOTE))
    watched.measure("04")
    answer = watched.tick()
    assert answer.run_requests == []  # production has no previous version
    watched.train("two")
    to_production(pedigree, 2, renew=True)
    policy = pedigree.policy("churn")
    production = policy.rule("production").model_copy(update={"promoters": ("ops@example.com",)})
    stages = [production if rule.name == "production" else rule for rule in policy.stages]
    pedigree.set_policy("churn", policy.model_copy(update={"stages": tuple(stages)}))
    watched.measure("04")
    (request,) = watched.tick().run_requests
    # the policy defines the reaction to drift, so the sensor need not be one of its promoters
    assert watched.execute(request).success
    assert pedigree.holder("churn", "production").version_id == 1
    tenure = pedigree.timeline("churn", "stage:production")[-1]
    assert "subscribers[04] differs" in tenure.reason
    assert tenure.moved_by == "sensor:pedigree_drift"
    (alarm,) = pedigree.events(types=[EventType.VERSION_DRIFT_DETECTED])[-1:]
    assert alarm.actor.name == "sensor:pedigree_drift"
    # a second daemon's run finds that the stage has moved, and changes nothing
    assert watched.execute(request).success
    assert pedigree.holder("churn", "production").version_id == 1


def test_results_for_a_version_that_left_the_stage_are_ignored(
    make_monitored: Callable[[DriftRule], MonitoredLocation], pedigree: Registry
) -> None:
    watched = make_monitored(DriftRule(action=DriftAction.DEMOTE))
    watched.measure("04")
    watched.train("two")
    to_production(pedigree, 2, renew=True)
    answer = watched.tick()
    assert (answer.asset_events, answer.run_requests) == ([], [])
    assert "churn/1 has left the monitored stage" in answer.skip_message


def test_without_a_version_in_the_stage_only_a_configured_version_is_compared(
    instance: dg.DagsterInstance, resources: dict[str, Any], pedigree: Registry
) -> None:
    model = monitored_model(DriftRule())
    watched = MonitoredLocation(instance, model, resources, dg.Definitions())
    assert watched.measure("03").success
    watched.train("one")
    run = watched.measure("04")
    assert run.success
    assert [check.passed for check in run.get_asset_check_evaluations()] == [False]
    assert pedigree.drift("churn/1") == ()
    config = {"ops": {"churn_drift": {"config": {"version": 1}}}}
    watched.measure("04", run_config=config)
    assert [result.partition for result in pedigree.drift("churn/1")] == ["04"]


def test_a_function_with_a_reserved_parameter_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="the drift asset reserves"):

        @drift_asset(model="churn", serving=subscribers)
        def wrong(config: Recipe, subscribers: pd.DataFrame) -> pd.DataFrame:
            return subscribers


def test_a_partitioned_model_must_be_monitored_by_its_registered_name() -> None:
    by_country = churn_asset(partitions_def=dg.StaticPartitionsDefinition(["de", "fr"]))
    with pytest.raises(InvalidInputError, match="monitored model is ambiguous"):
        drift_asset(model=by_country, serving=subscribers)
    assert drift_asset(model="churn-de", serving=subscribers)
