"""What happens outside Dagster appears in the graph: at the next tick, once, and in order."""

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


def shown(location: Location, key: dg.AssetKey = MODEL) -> list[str]:
    """The versions of an asset's materializations, oldest first."""
    records = location.instance.fetch_materializations(key, limit=100, ascending=True).records
    return [record.asset_materialization.tags["pedigree/version"] for record in records]


def said(location: Location) -> list[tuple[str, str]]:
    """Tick the mirror, store what it reports, and return asset and what it says of each."""
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
    assert said(location) == [
        ("models/churn", "tester registered churn/1"),
        ("models/churn", "tester set @best to churn/1"),
        ("models/churn/staging", "tester moved churn/1 to staging"),
        ("models/churn", "tester trained churn/1"),
        ("models/churn", "tester took @best from churn/1"),
    ]
    assert said(location) == []
    location.cursors.clear()  # a replay from the beginning
    assert said(location) == []
    event = location.instance.get_latest_materialization_event(MODEL).asset_materialization
    assert event.metadata["accuracy"].value == 0.8
    assert event.tags["dagster/data_version"] == pedigree.get("churn/1").digest
    (observed,) = location.instance.fetch_observations(MODEL, limit=1).records
    found = observed.event_log_entry.asset_observation.metadata
    assert (found["pedigree/alias"].value, found["pedigree/alias_of"].value) == ("best", "churn/1")
    # it hides nothing of the materialization that it follows
    for name in ("accuracy", "pedigree/reference", "pedigree/digest"):
        assert found[name] == event.metadata[name]


def test_the_marks_of_stages_are_right_where_versions_were_moved_outside(
    location: Location, pedigree: Registry
) -> None:
    def marks() -> dict[str, str]:
        said(location)
        graph = location.definitions.get_repository_def().asset_graph
        context = LoadingContextForTest(location.instance)
        resolver = CachingStaleStatusResolver(location.instance, graph, context)
        return {key.path[-1]: resolver.get_status(key).name for key in (STAGING, PRODUCTION)}

    for version, content in enumerate(("one", "two"), start=1):
        location.train(content, 0.7 + version / 10)
        pedigree.renew_verdicts("churn")
        for stage in ("staging", "production"):
            pedigree.promote(f"churn/{version}", stage)
        # both are mirrored in one tick, so production's event cannot point to staging's yet
        assert marks() == {"staging": "FRESH", "production": "FRESH"}
    pedigree.rollback("churn", reason="two is bad")
    assert marks() == {"staging": "FRESH", "production": "STALE"}
    location.train("three", 0.95)
    assert marks() == {"staging": "STALE", "production": "STALE"}


def test_what_a_run_of_this_instance_made_is_not_said_again(
    location: Location, pedigree: Registry
) -> None:
    location.train("one")
    assert said(location) == []
    location.cursors.clear()
    assert said(location) == []
    assert shown(location) == ["1"]


def test_a_version_whose_run_died_before_materializing_is_shown_when_the_run_has_ended(
    location: Location, pedigree: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "write_card", dies)
        location.train("one", raise_on_error=False)
    assert shown(location) == []
    assert said(location) == [("models/churn", "tester registered churn/1")]
    run = location.instance.create_run_for_job(
        location.definitions.get_repository_def().get_job(f"promote_{CHURN.op.name}")
    )
    register(pedigree, tmp_path, "two", run_id=run.run_id)
    register(pedigree, tmp_path, "three")
    assert said(location) == []
    location.instance.report_run_failed(location.instance.get_run_by_id(run.run_id))
    assert [text for _, text in said(location)] == [
        "tester registered churn/2",
        "tester registered churn/3",
    ]


def test_a_version_whose_instance_is_out_of_reach_for_an_hour_is_unmaterialized(
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
    assert missing() == []  # there is time yet
    hours_pass()
    assert missing() == ["other/1", "churn/1"]
    assert [each.run_id for each in pedigree.unmaterialized("other/1")] == ["lost"]
    assert said(location) == []  # the graph shows it already, and the mirror has seen that
    assert missing() == ["other/1"]
    register(pedigree, tmp_path, "dead", run_id="dead", origin=origin)
    hours_pass()
    assert missing() == ["other/1", "churn/2"]
    assert said(location) == [("models/churn", "tester registered churn/2")]
    assert missing() == ["other/1", "churn/2"]  # as long as Dagster may not have stored it
    assert said(location) == []
    assert missing() == ["other/1"]


def test_an_instance_within_reach_may_take_its_time(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    said(location)  # the instance's mirror looks
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
    assert len(said(location)) == 5
    assert said(location) == []
    location.instance.wipe_assets([MODEL, PRODUCTION])
    assert said(location) == []  # it may be on its way
    assert said(location) == [
        ("models/churn", "tester registered churn/1; the graph did not show it"),
        ("models/churn", "tester registered churn/2; the graph did not show it"),
        ("models/churn/production", "churn/2 holds production; the graph did not show it"),
    ]
    assert said(location) == []
    assert shown(location, PRODUCTION) == ["2"]
    pedigree.run_check("churn/1", "signature_compatible")  # against the champion of now
    pedigree.promote("churn/1", "production")
    assert ("models/churn/production", "tester moved churn/1 to production") in said(location)


def test_a_lost_event_is_said_again_and_the_newest_stays_the_last(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    for content in ("one", "two", "three"):
        register(pedigree, tmp_path, content)
    answer = location.tick("pedigree_mirror")
    first, _, third = answer.asset_events
    for event in (first, third):  # the second one is lost on its way
        location.instance.report_runless_asset_event(event)
    assert said(location) == []
    said(location)
    assert shown(location) == ["1", "3", "2", "3"]
    assert said(location) == []


def test_a_move_of_which_a_killed_daemon_wrote_the_event_alone_is_said_again(
    location: Location, pedigree: Registry, tmp_path: Path, dagster_url: str
) -> None:
    def last(stored: str | None = None) -> str:
        """What consumers of production see last; with another text, let them see that."""
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
    said(location)
    before = last()
    pedigree.set_policy("churn", free_policy())
    pedigree.promote("churn/2", "production")
    assert said(location) == [("models/churn/production", "tester moved churn/2 to production")]
    assert last(before) == before
    assert said(location) == []  # it may be on its way
    assert said(location) == [
        ("models/churn/production", "churn/2 holds production; the graph did not show it")
    ]
    assert said(location) == []
    assert last() != before


def test_models_are_compared_a_few_at_each_tick(
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
    assert len(said(location)) == 6
    location.instance.wipe_assets([stage_key("gamma", "staging")])
    ticks = [said(location) for _ in range(5)]
    assert [text for tick in ticks for _, text in tick] == [
        "gamma/1 holds staging; the graph did not show it"
    ]
