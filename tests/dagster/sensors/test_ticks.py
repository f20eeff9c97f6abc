"""Ticks with a real instance and registry, and the runs that they request."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import JobFailureData, RunFailureReason

from pedigree.audit.event_types import EventType
from pedigree.dagster import model_checks, stage_assets, stage_key
from pedigree.dagster.assets.model_spec import model_spec_of
from pedigree.dagster.sensors import promotion_attempts
from pedigree.dagster.sensors.promotion_runs import ATTEMPTS
from pedigree.errors import CorruptionError, DatabaseBusyError, NotFoundError
from pedigree.lifecycle.records import Verdict
from pedigree.registry import Registry
from pedigree.registry.promotions import PromotionOperations
from tests.dagster.location import CHURN, PRODUCTION, STAGING, Location
from tests.dagster.models import churn_asset, plotted, recipe, to_production
from tests.factories import make_failures_due

SENSOR = "sensor:pedigree_promotion"


def held(registry: Registry, stage: str = "production") -> int | None:
    holder = registry.holder("churn", stage)
    return holder.version_id if holder else None


def test_a_version_that_passes_its_checks_reaches_production(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    assert location.promote() == ["staging"]
    assert location.promote() == ["production"]
    assert location.promote() == []
    assert held(pedigree) == 1
    # the sensor is the actor, not the user of its daemon
    moves = pedigree.timeline("churn")[1:]
    assert {move.moved_by for move in moves} == {SENSOR}
    # its runs materialized the stages, so the mirror reports nothing
    assert location.mirror() == []
    event = location.instance.get_latest_materialization_event(PRODUCTION).asset_materialization
    assert event.tags["pedigree/version"] == "1"


def test_a_better_version_replaces_and_a_worse_one_waits_for_its_check(
    location: Location, pedigree: Registry
) -> None:
    location.train("one", 0.7)
    location.promote(), location.promote()
    location.train("two", 0.8)
    location.promote(), location.promote()
    assert held(pedigree) == 2
    location.train("three", 0.5)
    assert location.promote() == []
    assert held(pedigree) == 2


def test_only_the_metrics_of_a_model_and_its_stages_are_plotted(
    location: Location, pedigree: Registry, materialize: Callable[..., dg.ExecuteInProcessResult]
) -> None:
    @dg.asset(ins={"model": dg.AssetIn(PRODUCTION)})
    def scores(model: Path) -> None: ...

    for content, accuracy in (("one", 0.7), ("two", 0.8)):
        location.train(content, accuracy)
        location.promote(), location.promote()
    checked = materialize(CHURN, model_checks(CHURN), run_config=recipe(CHURN, "three", 0.9))
    pedigree.rollback("churn", reason="two is bad")
    pedigree.set_alias("churn", "champion", 1)
    for event in location.tick("pedigree_mirror").asset_events:
        location.instance.report_runless_asset_event(event)
    stages = stage_assets(model_spec_of(CHURN))
    read = materialize(*stages, scores, selection=dg.AssetSelection.assets(scores))

    def plotted_by_asset(key: dg.AssetKey) -> set[str]:
        made = location.instance.fetch_materializations(key, limit=10).records
        seen = location.instance.fetch_observations(key, limit=10).records
        events = [each.asset_materialization or each.asset_observation for each in (*made, *seen)]
        assert len(events) > 2
        return {name for event in events if event for name in plotted(event)}

    assert (plotted_by_asset(CHURN.key), plotted_by_asset(PRODUCTION)) == ({"accuracy"}, set())
    assert [plotted(each) for each in checked.get_asset_check_evaluations()] == [set()] * 4
    assert read.success


def test_after_a_rollback_the_bad_version_stays_out(location: Location, pedigree: Registry) -> None:
    for content, accuracy in (("one", 0.7), ("two", 0.8)):
        location.train(content, accuracy)
        location.promote(), location.promote()
    pedigree.rollback("churn", reason="two is bad")
    assert location.promote() == []
    assert held(pedigree) == 1


def test_a_promotion_is_requested_once_per_state(location: Location) -> None:
    location.train("one")
    first = location.tick("pedigree_promotion")
    second = location.tick("pedigree_promotion")
    # still due, so it is requested again, and Dagster makes one run because of the key
    assert [each.run_key for each in first.run_requests] == [
        each.run_key for each in second.run_requests
    ]


def test_the_sensor_gives_up_after_three_failed_runs(
    location: Location, pedigree: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    location.train("one")
    keys = []
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "promote", _broken)
        for _ in range(3):
            (request,) = location.tick("pedigree_promotion").run_requests
            keys.append(request.run_key)
            assert not location.execute(request, raise_on_error=False).success
    assert len(set(keys)) == 3
    answer = location.tick("pedigree_promotion")
    assert answer.run_requests == []
    assert "given up after 3 failed runs" in answer.skip_message
    assert held(pedigree, "staging") is None


def _broken(*_: object, **__: object) -> None:
    raise ConnectionError("the network is down")


def test_giving_up_is_an_event_and_retry_lets_the_sensor_try_again(
    location: Location, pedigree: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    location.train("one", 0.7)
    location.train("two", 0.8)
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "promote", _broken)
        for _ in range(3):
            (request,) = location.tick("pedigree_promotion").run_requests
            last = location.execute(request, raise_on_error=False)
        location.tick("pedigree_promotion")
    (event,) = pedigree.events(types=[EventType.VERSION_PROMOTION_GIVEN_UP])
    problem = "ConnectionError: the network is down"
    expected = {"attempts": 3, "run_id": last.run_id, "problem": problem}
    assert (event.model, event.version, event.actor.name) == ("churn", 2, SENSOR)
    assert expected.items() <= event.body.items()
    explanation = pedigree.explain("churn/2", "staging", automatic=True)
    assert "`pedigree retry churn/2 --to staging`" in explanation.waits_for[0]
    person = pedigree.explain("churn/2", "staging")
    assert person.passed
    assert person.given_up.problem == explanation.given_up.problem == problem
    # the version's explanation contains it, and no older version is promoted instead
    assert location.promote() == []
    assert pedigree.candidacies("churn/2")[0].waits_for == explanation.waits_for
    with pytest.raises(NotFoundError, match="given up no promotion"):
        pedigree.retry_promotion("churn/1", "staging")
    pedigree.retry_promotion("churn/2", "staging", reason="the network is back")
    (retried,) = pedigree.events(types=[EventType.VERSION_PROMOTION_RETRIED])
    assert retried.body["reason"] == "the network is back"
    assert location.promote() == ["staging"]
    assert held(pedigree, "staging") == 2


def _lost(location: Location, request: dg.RunRequest, why: str | None = None) -> None:
    """Make a run fail as Dagster's daemon does before it starts a step."""
    job = location.definitions.get_repository_def().get_job(request.job_name)
    run = location.instance.create_run_for_job(job, tags=dict(request.tags))
    data = JobFailureData(error=None, failure_reason=RunFailureReason(why)) if why else None
    location.instance.report_run_failed(run, job_failure_data=data)


@pytest.mark.parametrize("why", [None, "START_TIMEOUT", "RUN_WORKER_RESTART", "RUN_EXCEPTION"])
def test_lost_runs_do_not_count_as_attempts(
    why: str | None,
    location: Location,
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promotion_attempts, "_FIRST_PAUSE", timedelta())
    location.train("one")
    for _ in range(ATTEMPTS + 2):
        (request,) = location.tick("pedigree_promotion").run_requests
        _lost(location, request, why)
    assert location.promote() == ["staging"]
    assert held(pedigree, "staging") == 1


def test_the_sensor_pauses_after_consecutive_lost_runs(location: Location) -> None:
    location.train("one")
    for _ in range(3):
        (request,) = location.tick("pedigree_promotion").run_requests
        _lost(location, request)
    answer = location.tick("pedigree_promotion")
    assert answer.run_requests == []
    assert "3 runs were lost, next request at" in answer.skip_message


def test_an_unavailable_registry_does_not_count_as_an_attempt(
    location: Location, pedigree: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseBusyError("no connection was free")

    monkeypatch.setattr(promotion_attempts, "_FIRST_PAUSE", timedelta())
    location.train("one")
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "promote", away)
        for _ in range(ATTEMPTS + 1):
            (request,) = location.tick("pedigree_promotion").run_requests
            assert not location.execute(request, raise_on_error=False).success
    assert location.promote() == ["staging"]


def test_a_canceled_run_counts_as_an_attempt(location: Location) -> None:
    location.train("one")
    for _ in range(ATTEMPTS):
        (request,) = location.tick("pedigree_promotion").run_requests
        job = location.definitions.get_repository_def().get_job(request.job_name)
        run = location.instance.create_run_for_job(job, tags=dict(request.tags))
        location.instance.report_run_canceled(run)
    assert "given up after 3 failed runs" in location.tick("pedigree_promotion").skip_message


def test_a_tick_without_new_events_reads_no_model(location: Location) -> None:
    location.train("one")
    location.promote(), location.promote(), location.promote()
    answer = location.tick("pedigree_promotion")
    assert answer.skip_message == "no new events in the registry"


def test_the_skip_reason_contains_what_a_candidate_waits_for(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    verdict = Verdict(
        check="artifact_intact",
        passed=False,
        digest=pedigree.get("churn/1").digest,
        summary="a file is gone",
    )
    pedigree.record_verdict("churn/1", verdict)
    answer = location.tick("pedigree_promotion")
    assert answer.run_requests == []
    assert "churn/1 → staging: " in answer.skip_message
    assert "artifact_intact" in answer.skip_message


def test_an_error_of_one_model_does_not_affect_others(
    location: Location, pedigree: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    location.train("one")

    def gone(*_: object) -> None:
        raise CorruptionError("the bytes are gone")

    with monkeypatch.context() as patch:
        patch.setattr(PromotionOperations, "evaluate_candidates", gone)
        assert "the bytes are gone" in location.tick("pedigree_promotion").skip_message
    make_failures_due(pedigree)
    assert location.promote() == ["staging"]


def test_only_models_of_the_same_repository_are_promoted(
    make_location: Callable[..., Location], pedigree: Registry
) -> None:
    other = churn_asset("other")
    ours, theirs = make_location(CHURN), make_location(other)
    ours.train("one")
    assert theirs.tick("pedigree_promotion").run_requests == []
    assert len(ours.tick("pedigree_promotion").run_requests) == 1


def test_a_cursor_from_another_code_version_starts_over(location: Location) -> None:
    location.train("one")
    location.cursors["pedigree_promotion"] = json.dumps({"unknown": 1})
    assert location.promote() == ["staging"]


def test_a_partition_is_promoted_by_a_run_of_that_partition(
    make_location: Callable[..., Location],
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
) -> None:
    model = churn_asset("by_country", partitions_def=dg.StaticPartitionsDefinition(["de", "fr"]))
    location = make_location(CHURN, model)
    dg.materialize(
        [model, model_checks(model)],
        instance=instance,
        resources=resources,
        partition_key="fr",
        run_config=recipe(model, "fr"),
    )
    assert location.promote() == ["staging"]
    assert pedigree.holder("by_country-fr", "staging").version_id == 1
    key = stage_key("by_country", "staging")
    event = instance.get_latest_materialization_event(key).asset_materialization
    assert event.partition == "fr"


def test_changes_outside_dagster_are_mirrored_in_order_and_once(
    location: Location, pedigree: Registry
) -> None:
    location.train("one", 0.7)
    location.train("two", 0.8)
    to_production(pedigree, 1, renew=True)
    to_production(pedigree, 2, renew=True)
    assert location.mirror() == [
        ("staging", "1"),
        ("production", "1"),
        ("staging", "2"),
        ("production", "2"),
    ]
    assert location.mirror() == []
    location.cursors.clear()  # replay from the beginning
    assert location.mirror() == []
    pedigree.rollback("churn", reason="bad")
    assert location.mirror() == [("production", "1")]
    event = location.instance.get_latest_materialization_event(PRODUCTION).asset_materialization
    assert event.tags["dagster/data_version"] == pedigree.get("churn/1").digest
    # production depends on staging, where version 1 was mirrored first
    first = location.instance.fetch_materializations(STAGING, limit=9, ascending=True).records[0]
    pointer = event.tags["dagster/input_event_pointer/models/churn/staging"]
    assert pointer == str(first.storage_id)
    assert event.metadata["pedigree/reason"].value == "bad"


def test_the_generation_prevents_duplicates_after_a_killed_daemon(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    to_production(pedigree, 1, renew=True)
    answer = location.tick("pedigree_mirror", remember=False)
    # the daemon stored one of two events and died before it stored the cursor
    location.instance.report_runless_asset_event(answer.asset_events[0])
    assert location.mirror() == [("production", "1")]


def test_the_mirror_waits_for_the_run_that_moves_a_stage(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    run = location.instance.create_run_for_job(
        location.definitions.get_repository_def().get_implicit_global_asset_job_def()
    )
    pedigree.promote("churn/1", "staging", run_id=run.run_id)
    assert location.mirror() == []
    pedigree.promote("churn/1", "production")
    assert location.mirror() == [("production", "1")]
    # the run ends without materializing the stage, so the mirror reports it
    location.instance.report_run_failed(location.instance.get_run_by_id(run.run_id))
    assert location.mirror() == [("staging", "1")]
    assert location.mirror() == []


def test_consumers_run_only_when_the_digest_of_the_stage_changes(
    location: Location, pedigree: Registry, instance: dg.DagsterInstance
) -> None:
    from pedigree.dagster import promotion_condition, stage_assets
    from pedigree.dagster.assets.model_spec import model_spec_of

    @dg.asset
    def customers() -> None: ...

    @dg.asset(deps=[PRODUCTION, customers], automation_condition=promotion_condition())
    def scores() -> None: ...

    definitions = dg.Definitions(
        assets=[CHURN, *stage_assets(model_spec_of(CHURN)), customers, scores],
        resources=location.resources,
    )
    cursor = None

    def requested() -> int:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor)
        cursor = result.cursor
        return result.total_requested

    def score() -> None:
        dg.materialize([scores, customers], instance=instance)

    location.train("one", 0.7)
    dg.materialize([customers], instance=instance)
    to_production(pedigree, 1, renew=True)
    location.mirror()
    requested()
    score()
    requested()
    # the stage is materialized without a move, and the customers change: no run
    location.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            PRODUCTION, tags={"dagster/data_version": pedigree.get("churn/1").digest}
        )
    )
    dg.materialize([customers], instance=instance)
    assert requested() == 0
    location.train("two", 0.8)
    to_production(pedigree, 2, renew=True)
    location.mirror()
    assert requested() == 1
    score()
    assert requested() == 0
    pedigree.rollback("churn")
    location.mirror()
    assert requested() == 1
