"""Changes outside Dagster appear in the graph: at the next tick, once, and in order."""

from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from pedigree.catalog.records import TrainingOrigin
from pedigree.dagster import stage_key
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.registry import Registry
from tests.dagster.location import CHURN, PRODUCTION, STAGING, Location
from tests.factories import free_policy, register, register_candidate

MODEL = CHURN.key


def mirrored_versions(location: Location, key: dg.AssetKey = MODEL) -> list[str]:
    """Return the versions of an asset's materializations, oldest first."""
    records = location.instance.fetch_materializations(key, limit=100, ascending=True).records
    return [record.asset_materialization.tags["pedigree/version"] for record in records]


def mirror_descriptions(location: Location) -> list[tuple[str, str]]:
    """Tick the mirror, store its events, and return the asset and description of each."""
    answer = location.tick("pedigree_mirror")
    for event in answer.asset_events:
        location.instance.report_runless_asset_event(event)
    return [
        (event.asset_key.to_user_string(), str(event.description)) for event in answer.asset_events
    ]


def test_registrations_aliases_and_moves_appear_in_order_and_once(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    register_candidate(pedigree, tmp_path, "one", metrics={"accuracy": 0.8})
    pedigree.set_alias("churn", "best", 1, reason="the only one")
    pedigree.promote("churn/1", "staging")
    register(pedigree, tmp_path, "one", run_id="another run", metrics={"accuracy": 0.8})
    pedigree.delete_alias("churn", "best")
    assert mirror_descriptions(location) == [
        ("models/churn", "tester registered churn/1"),
        ("models/churn", "tester set @best to churn/1"),
        ("models/churn/staging", "tester moved churn/1 to staging"),
        ("models/churn", "tester trained churn/1"),
        ("models/churn", "tester removed @best from churn/1"),
    ]
    assert mirror_descriptions(location) == []
    location.cursors.clear()  # replay from the beginning
    assert mirror_descriptions(location) == []
    event = location.instance.get_latest_materialization_event(MODEL).asset_materialization
    assert event.metadata["accuracy"].value == 0.8
    assert event.tags["dagster/data_version"] == pedigree.get("churn/1").digest
    (observed,) = location.instance.fetch_observations(MODEL, limit=1).records
    found = observed.event_log_entry.asset_observation.metadata
    assert (found["pedigree/alias"].value, found["pedigree/alias_of"].value) == ("best", "churn/1")
    # it repeats the metadata of the last materialization
    for name in ("accuracy", "pedigree/reference", "pedigree/digest"):
        assert found[name] == event.metadata[name]


def test_stages_have_the_correct_staleness_after_moves_outside_dagster(
    location: Location, pedigree: Registry
) -> None:
    def marks() -> dict[str, str]:
        mirror_descriptions(location)
        graph = location.definitions.get_repository_def().asset_graph
        context = LoadingContextForTest(location.instance)
        resolver = CachingStaleStatusResolver(location.instance, graph, context)
        return {key.path[-1]: resolver.get_status(key).name for key in (STAGING, PRODUCTION)}

    for version, content in enumerate(("one", "two"), start=1):
        location.train(content, 0.7 + version / 10)
        pedigree.operations.checks.renew_verdicts("churn")
        for stage in ("staging", "production"):
            pedigree.promote(f"churn/{version}", stage)
        # one tick mirrors both, so production's event cannot point to staging's yet
        assert marks() == {"staging": "FRESH", "production": "FRESH"}
    pedigree.rollback("churn", reason="two is bad")
    assert marks() == {"staging": "FRESH", "production": "STALE"}
    location.train("three", 0.95)
    assert marks() == {"staging": "STALE", "production": "STALE"}


def test_changes_of_a_run_of_this_instance_are_not_reported_again(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    assert mirror_descriptions(location) == []
    location.cursors.clear()
    assert mirror_descriptions(location) == []
    assert mirrored_versions(location) == ["1"]


def test_a_version_of_a_run_that_died_before_materializing_is_reported_after_the_run(
    location: Location, pedigree: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "write_card", dies)
        location.train("one", raise_on_error=False)
    assert mirrored_versions(location) == []
    assert mirror_descriptions(location) == [("models/churn", "tester registered churn/1")]
    run = location.instance.create_run_for_job(
        location.definitions.get_repository_def().get_implicit_global_asset_job_def()
    )
    register(pedigree, tmp_path, "two", run_id=run.run_id)
    register(pedigree, tmp_path, "three")
    assert mirror_descriptions(location) == []
    location.instance.report_run_failed(location.instance.get_run_by_id(run.run_id))
    assert [text for _, text in mirror_descriptions(location)] == [
        "tester registered churn/2",
        "tester registered churn/3",
    ]


def test_a_version_of_an_instance_that_is_unreachable_for_an_hour_is_unmaterialized(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    def hours_pass() -> None:
        for table, column in (("awaited", "since"), ("dagster_instance", "seen_at")):
            pedigree.database.transaction(
                lambda transaction, table=table, column=column: transaction.execute(
                    f"UPDATE pedigree.{table} SET {column} = {column} - interval '2 hours'"
                )
            )

    def missing() -> list[str]:
        return [each.reference for each in pedigree.unmaterialized()]

    origin = TrainingOrigin(instance_id="elsewhere", asset="models/other")
    register(pedigree, tmp_path, "lost", name="other", run_id="lost", origin=origin)
    register(pedigree, tmp_path, "by hand", name="other")
    location.train("one")
    assert missing() == []  # not yet overdue
    hours_pass()
    assert missing() == ["other/1", "churn/1"]
    assert [each.run_id for each in pedigree.unmaterialized("other/1")] == ["lost"]
    assert (
        mirror_descriptions(location) == []
    )  # the graph already shows it, and the mirror has noticed
    assert missing() == ["other/1"]
    register(pedigree, tmp_path, "dead", run_id="dead", origin=origin)
    hours_pass()
    assert missing() == ["other/1", "churn/2"]
    assert mirror_descriptions(location) == [("models/churn", "tester registered churn/2")]
    assert missing() == ["other/1", "churn/2"]  # Dagster may not have stored it yet
    assert mirror_descriptions(location) == []
    assert missing() == ["other/1"]


def test_a_version_of_a_reachable_instance_is_not_unmaterialized(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    mirror_descriptions(location)  # a tick of the instance's mirror
    origin = TrainingOrigin(instance_id=instance_id(location.instance), asset="models/other")
    register(pedigree, tmp_path, "slow", name="other", origin=origin)
    pedigree.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.awaited SET since = since - interval '2 hours'"
        )
    )
    assert pedigree.unmaterialized() == ()


def test_a_wiped_graph_is_repaired(location: Location, pedigree: Registry, tmp_path: Path) -> None:
    for content in ("one", "two"):
        pedigree.promote(register_candidate(pedigree, tmp_path, content), "staging")
    pedigree.promote("churn/2", "production")
    assert len(mirror_descriptions(location)) == 5
    assert mirror_descriptions(location) == []
    location.instance.wipe_assets([MODEL, PRODUCTION])
    assert mirror_descriptions(location) == []  # the event may be in progress
    assert mirror_descriptions(location) == [
        ("models/churn", "tester registered churn/1; the graph did not show it"),
        ("models/churn", "tester registered churn/2; the graph did not show it"),
        ("models/churn/production", "churn/2 is in production; the graph did not show it"),
    ]
    assert mirror_descriptions(location) == []
    assert mirrored_versions(location, PRODUCTION) == ["2"]
    pedigree.run_check("churn/1", "signature_compatible")  # against the current champion
    pedigree.promote("churn/1", "production")
    assert ("models/churn/production", "tester moved churn/1 to production") in mirror_descriptions(
        location
    )


def test_a_lost_event_is_reported_again_and_the_newest_remains_last(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    for content in ("one", "two", "three"):
        register(pedigree, tmp_path, content)
    answer = location.tick("pedigree_mirror")
    first, _, third = answer.asset_events
    for event in (first, third):  # the second one is lost
        location.instance.report_runless_asset_event(event)
    assert mirror_descriptions(location) == []
    mirror_descriptions(location)
    assert mirrored_versions(location) == ["1", "3", "2", "3"]
    assert mirror_descriptions(location) == []


def test_a_move_whose_report_a_killed_daemon_did_not_complete_is_reported_again(
    location: Location, pedigree: Registry, tmp_path: Path, dagster_url: str
) -> None:
    def last(stored: str | None = None) -> str:
        """Return production's last materialization in the asset table; replace it if given."""
        with psycopg.connect(dagster_url, autocommit=True) as connection:
            (row,) = connection.execute(
                "UPDATE asset_keys SET last_materialization = coalesce(%s, last_materialization)"
                " WHERE asset_key = %s RETURNING last_materialization",
                [stored, PRODUCTION.to_string()],
            )
        return str(row[0])

    for content in ("one", "two"):
        pedigree.promote(register_candidate(pedigree, tmp_path, content), "staging")
    pedigree.promote("churn/1", "production")
    mirror_descriptions(location)
    before = last()
    pedigree.set_policy("churn", free_policy())
    pedigree.promote("churn/2", "production")
    assert mirror_descriptions(location) == [
        ("models/churn/production", "tester moved churn/2 to production")
    ]
    assert last(before) == before
    assert mirror_descriptions(location) == []  # the event may be in progress
    assert mirror_descriptions(location) == [
        ("models/churn/production", "churn/2 is in production; the graph did not show it")
    ]
    assert mirror_descriptions(location) == []
    assert last() != before


def test_each_tick_compares_a_few_models(
    make_location, pedigree: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedigree.dagster.sensors import mirror
    from tests.dagster.models import churn_asset

    monkeypatch.setattr(mirror, "MODELS_A_TICK", 1)
    names = ("alpha", "beta", "gamma")
    location = make_location(*(churn_asset(name) for name in names))
    for name in names:
        register_candidate(pedigree, tmp_path, name, name=name)
        pedigree.promote(f"{name}/1", "staging")
    assert len(mirror_descriptions(location)) == 6
    location.instance.wipe_assets([stage_key("gamma", "staging")])
    ticks = [mirror_descriptions(location) for _ in range(5)]
    assert [text for tick in ticks for _, text in tick] == [
        "gamma/1 is in staging; the graph did not show it"
    ]
