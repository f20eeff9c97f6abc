"""One bad model, partition, version or evaluation in a sensor's loop: the others go on."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.dagster import registered_name, registry_definitions
from pedigree.dagster.capture import usages
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.sensors import mirror, usage_and_staleness
from pedigree.failures.store import failures
from pedigree.lineage.usages import NewUsage
from pedigree.monitoring.records import DriftAction, DriftRule
from pedigree.registry import Registry
from pedigree.registry.check_runs import CheckRunOperations
from pedigree.registry.monitoring import MonitoringOperations
from pedigree.registry.staleness import StalenessOperations
from tests.dagster.assets.test_drift import MonitoredLocation, make_monitored  # noqa: F401 - a fixture
from tests.dagster.location import CHURN, Location
from tests.dagster.models import churn_asset, recipe
from tests.dagster.sensors.test_retraining import FlightsLocation
from tests.factories import free_policy, make_failures_due, register
from tests.fencing import edit_rows

BAD = churn_asset("bad")
KEYS = ("home_improvement/2", " a#b%c@d:e ", "..", "\x1b[31m", "ﬁ", "{partition}|$(id)")
TOO_LONG = "x" * 300


def failing(registry: Registry) -> set[tuple[str, str]]:
    found = registry.database.read(lambda transaction: failures(transaction, limit=100))
    return {(failure.work, failure.member) for failure in found}


def reported(registry: Registry) -> list[str]:
    events = registry.events(types=[EventType.MEMBER_FAILED])
    return [f"{event.body['work']}: {event.body['member']}" for event in events]


def spoil_policy(registry: Registry, name: str) -> None:
    edit_rows(
        registry.database,
        "UPDATE pedigree.registered_model SET policy = '{\"stages\": 1}' WHERE name = %s",
        [name],
    )


@pytest.fixture
def both(make_location: Callable[..., Location], pedigree: Registry, tmp_path: Path) -> Location:
    """A location with a sound and a bad model, which has a version."""
    location = make_location(CHURN, BAD)
    register(pedigree, tmp_path, name="bad")
    return location


def test_a_partition_with_any_legal_key_is_trained_promoted_and_mirrored(
    instance: dg.DagsterInstance,
    make_location: Callable[..., Location],
    resources: dict[str, Any],
    pedigree: Registry,
    tmp_path: Path,
) -> None:
    products = dg.DynamicPartitionsDefinition(name="products")
    asset = churn_asset("by_product", partitions_def=products, policy=free_policy())
    location = make_location(asset, CHURN)
    instance.add_dynamic_partitions("products", [*KEYS, TOO_LONG])
    try:
        for key in KEYS[:2]:
            dg.materialize(
                [asset],
                instance=instance,
                resources=resources,
                partition_key=key,
                run_config=recipe(asset, key),
            )
        for key in KEYS[2:]:
            register(pedigree, tmp_path, name=registered_name(asset, key))
        for key in KEYS:
            pedigree.set_policy(registered_name(asset, key), free_policy())
            pedigree.promote(f"{registered_name(asset, key)}/1", "staging")
        requests = location.tick("pedigree_promotion").run_requests
        assert sorted(request.partition_key for request in requests) == sorted(KEYS)
        assert all(location.execute(request).success for request in requests[:2])
        assert TOO_LONG[:50] in location.tick("pedigree_lineage").skip_message
        shown = location.tick("pedigree_mirror").asset_events
        stage = [event.partition for event in shown if event.asset_key.path[-1] == "staging"]
        assert sorted(map(str, stage)) == sorted(KEYS)
        member = f"models/by_product [{TOO_LONG}]"
        assert failing(pedigree) == {("partitions", member)}
        assert reported(pedigree) == [f"partitions: {member}"]
        instance.delete_dynamic_partition("products", TOO_LONG)
        location.tick("pedigree_lineage")
        assert failing(pedigree) == set()
    finally:
        for key in (*KEYS, TOO_LONG):
            instance.delete_dynamic_partition("products", key)


def test_a_model_that_cannot_be_evaluated_stops_no_promotion(
    both: Location, pedigree: Registry
) -> None:
    spoil_policy(pedigree, "bad")
    both.train("one")
    assert both.promote() == ["staging"]
    assert {member for _, member in failing(pedigree)} == {"bad"}
    assert set(reported(pedigree)) <= {*("verdicts: bad", "approvals: bad", "promotions: bad")}
    assert both.promote() == ["production"]
    assert "bad" in both.tick("pedigree_promotion").skip_message


def test_an_evaluation_that_cannot_be_recorded_stops_no_other_and_is_tried_again(
    both: Location, pedigree: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "churn"):
        both.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(["models", name]), check_name="mine", passed=True
            )
        )
    both.train("one")
    record = CheckRunOperations.record_check_run
    recorded: list[str] = []

    def but_not_bad(self: CheckRunOperations, model: str, *rest: Any) -> object:
        if model == "bad":
            raise RuntimeError("poison")
        recorded.append(model)
        return record(self, model, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(CheckRunOperations, "record_check_run", but_not_bad)
        assert both.promote() == ["staging"]
    assert recorded == ["churn"]
    assert [work for work, _ in failing(pedigree)] == ["asset checks"]
    make_failures_due(pedigree)
    both.tick("pedigree_promotion")
    assert failing(pedigree) == set()


def test_a_model_that_cannot_be_mirrored_waits_alone_and_is_mirrored_later(
    both: Location, pedigree: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration_event = mirror.registration_event

    def but_not_bad(target: Any, event: Any, settings: Any) -> object:
        if event.model == "bad":
            raise RuntimeError("poison")
        return registration_event(target, event, settings)

    with monkeypatch.context() as patch:
        patch.setattr(mirror, "registration_event", but_not_bad)
        register(pedigree, tmp_path, "one")
        assert both.mirror() == [("churn", "1")]
        register(pedigree, tmp_path, "two", name="bad")
        register(pedigree, tmp_path, "two")
        make_failures_due(pedigree)
        assert both.mirror() == [("churn", "2")]
    assert failing(pedigree) == {("mirror", "bad")}
    assert reported(pedigree) == ["mirror: bad"]
    answer = both.tick("pedigree_mirror")
    assert answer.asset_events == []
    assert "bad is tried again at" in answer.skip_message
    make_failures_due(pedigree)
    assert both.mirror() == [("bad", "1"), ("bad", "2")]
    assert both.mirror() == []
    assert failing(pedigree) == set()


def test_an_event_that_cannot_be_read_stops_no_other_model(
    both: Location, pedigree: Registry, tmp_path: Path
) -> None:
    pedigree.database.transaction(
        lambda transaction: log.record(
            transaction,
            EventType.VERSION_STAGE_CHANGED,
            {"to": "staging"},
            model="bad",
            version=1,
            at=pedigree.get("bad/1").created_at,
            actor=Actor(name="ann", source="test"),
        )
    )
    register(pedigree, tmp_path, "one")
    assert both.mirror() == [("bad", "1"), ("churn", "1")]
    assert failing(pedigree) == {("mirror", "bad")}
    register(pedigree, tmp_path, "two")
    assert both.mirror() == [("churn", "2")]


def test_a_model_or_version_that_cannot_be_looked_at_stops_no_staleness(
    both: Location, pedigree: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    register(pedigree, tmp_path, "one")
    for name in ("bad", "churn"):
        pedigree.set_policy(name, free_policy())
        pedigree.promote(f"{name}/1", "production")
    keep, upstream = StalenessOperations.keep_staleness, usage_and_staleness.upstream_assets
    kept: list[str] = []
    found: list[set[str]] = []

    def keep_but_not_bad(
        self: StalenessOperations, reference: str, *rest: Any, **more: Any
    ) -> object:
        if reference.startswith("bad"):
            raise RuntimeError("poison")
        kept.append(reference)
        return keep(self, reference, *rest, **more)

    def upstream_but_not_of_bad(graph: Any, specs: Any) -> object:
        names = {spec.name for spec in specs}
        if "bad" in names:
            raise RuntimeError("poison")
        found.append(names)
        return upstream(graph, specs)

    monkeypatch.setattr(StalenessOperations, "keep_staleness", keep_but_not_bad)
    monkeypatch.setattr(usage_and_staleness, "upstream_assets", upstream_but_not_of_bad)
    message = both.tick("pedigree_lineage").skip_message
    assert (kept, found) == (["churn/1"], [{"churn"}])
    assert failing(pedigree) == {("lineage", "bad/1"), ("lineage", "assets upstream of bad")}
    assert "poison" in message
    both.tick("pedigree_lineage")
    assert found == [{"churn"}, {"churn"}]


@pytest.mark.parametrize(
    ("scan", "member"),
    [("keep_events", "events of {}"), ("declared_usages", "usages by {}")],
)
def test_an_asset_whose_events_cannot_be_read_stops_no_other_asset_of_its_model(
    instance: dg.DagsterInstance,
    resources: dict[str, Any],
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
    scan: str,
    member: str,
) -> None:
    raw = [dg.AssetSpec("bad_raw"), dg.AssetSpec("raw")]
    model = churn_asset("both", deps=["bad_raw", "raw"])
    readers = [dg.AssetSpec(name, deps=[model.key]) for name in ("bad_scores", "scores")]
    definitions = dg.Definitions.merge(
        dg.Definitions(assets=[model, *raw, *readers]),
        registry_definitions(model, registry=resources["registry"]),
    )
    location = Location(instance, definitions, resources)
    work, scanned = getattr(usage_and_staleness, scan), list[set[str]]()

    def scan_but_not_bad(*given: Any) -> object:
        names = {key.to_user_string() for key in given[-2]}
        if any(name.startswith("bad") for name in names):
            raise RuntimeError("poison")
        scanned.append(names)
        return work(*given)

    monkeypatch.setattr(usage_and_staleness, scan, scan_but_not_bad)
    message = location.tick("pedigree_lineage").skip_message
    bad, good = ("bad_raw", "raw") if scan == "keep_events" else ("bad_scores", "scores")
    assert "poison" in message
    assert failing(pedigree) == {("lineage", member.format(bad))}
    assert {good} in scanned
    monkeypatch.undo()
    make_failures_due(pedigree)
    location.tick("pedigree_lineage")
    assert failing(pedigree) == set()


def test_an_asset_whose_outputs_cannot_be_read_stops_no_other_usage(
    both: Location,
    instance: dg.DagsterInstance,
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for asset in ("bad_scores", "scores"):
        use = NewUsage(asset=asset, run_id="deleted", instance_id=instance_id(instance))
        pedigree.operations.usages.record_usage("bad/1", use)
    read = usages._written

    def read_but_not_bad(some: Any, key: dg.AssetKey, more: Any) -> object:
        if key == dg.AssetKey("bad_scores"):
            raise RuntimeError("poison")
        return read(some, key, more)

    monkeypatch.setattr(usages, "_written", read_but_not_bad)
    message = both.tick("pedigree_lineage").skip_message
    assert "1 usages were settled" in message
    assert failing(pedigree) == {("lineage", "usages by bad_scores")}
    monkeypatch.undo()
    make_failures_due(pedigree)
    assert "1 usages were settled" in both.tick("pedigree_lineage").skip_message
    assert failing(pedigree) == set()


def test_a_drift_result_whose_reaction_fails_is_tried_again(
    make_monitored: Callable[..., MonitoredLocation],  # noqa: F811
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = make_monitored(DriftRule(action=DriftAction.ALERT))
    watched.measure("04")

    def poison(*_: object) -> None:
        raise RuntimeError("poison")

    with monkeypatch.context() as patch:
        patch.setattr(MonitoringOperations, "alert_drift", poison)
        answer = watched.tick()
    assert answer.asset_events == []
    assert "churn failed: RuntimeError: poison" in answer.skip_message
    assert failing(pedigree) == {("drift", "churn")}
    assert "churn is tried again" in watched.tick().skip_message
    make_failures_due(pedigree)
    assert len(watched.tick().asset_events) == 1
    assert failing(pedigree) == set()


@pytest.fixture
def stale(
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FlightsLocation]:
    monkeypatch.setattr("pedigree.dagster.sensors.usage_and_staleness._AGE", timedelta(0))
    location = FlightsLocation(instance, resources, pedigree)
    for how in ("changed", "once more"):
        location.clean("2013-01", how)
    location.tick("pedigree_lineage")
    return location


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("asset", "elsewhere", "not an asset of this code location"),
        ("partition", "gone", "which no longer exists"),
    ],
)
def test_a_version_that_cannot_be_retrained_here_stops_no_tick(
    stale: FlightsLocation, pedigree: Registry, column: str, value: str, problem: str
) -> None:
    statement = {
        "asset": "UPDATE pedigree.training SET asset = %s",
        "partition": "UPDATE pedigree.training SET partition = %s",
    }[column]
    edit_rows(pedigree.database, statement, [value])
    answer = stale.tick("retraining")
    assert answer.run_requests == []
    assert problem in answer.skip_message
