from collections.abc import Callable
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from pedigree.dagster.capture.event_log import latest
from pedigree.dagster.capture.input_history import current_inputs
from pedigree.dagster.capture.staleness import inputs_now
from pedigree.lineage.records import LineageNode
from pedigree.lineage.staleness import InputNow
from pedigree.settings import Settings
from tests.lineage.graphs import node


def report(instance: dg.DagsterInstance, version: str, partition: str | None = None) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization("raw", partition=partition, tags={"dagster/data_version": version})
    )


def read(asset: str, partition: str | None = None, version: str = "then") -> LineageNode:
    return node(1, asset, partition, version, storage_id=1, code_version="1")


def test_the_current_inputs_are_read_from_the_storage_of_dagster(
    instance: dg.DagsterInstance,
    dagster_url: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    report(instance, "old")
    report(instance, "new")
    report(instance, "one", "p1")
    settings = Settings(dagster_database_url=dagster_url, home=home)
    inputs = [read("raw"), read("raw", "p1"), read("raw", "p2"), read("gone")]
    found = inputs_now(inputs, settings)
    assert found is not None
    assert {place: now.data_version for place, now in found.items()} == {
        ("raw", None): "one",
        ("raw", "p1"): "one",
        ("raw", "p2"): None,
        ("gone", None): None,
    }


def test_without_an_instance_the_current_inputs_are_unknown(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    settings = Settings(dagster_database_url="postgresql://nobody@127.0.0.1:1/x", home=home)
    assert inputs_now([read("raw")], settings) is None


def test_an_instance_without_any_of_the_inputs_is_ignored(
    instance: dg.DagsterInstance,
    dagster_url: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    settings = Settings(dagster_database_url=dagster_url, home=home)
    assert inputs_now([read("raw")], settings) is None


def test_reading_the_current_inputs_creates_no_instance(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    make_database_url: Callable[..., str],
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert inputs_now([read("raw")], Settings(home=home)) is None
    assert not home.exists()
    url = make_database_url(None)
    assert inputs_now([read("raw")], Settings(home=home, database_url=url)) is None
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dagster'"
        assert connection.execute(query).fetchone() == (0,)


def test_changes_since_the_training_are_counted_by_partition(instance: dg.DagsterInstance) -> None:
    def change(partition: str, data: str, code: str = "1") -> int:
        tags = {"dagster/data_version": data, "dagster/code_version": code}
        instance.report_runless_asset_event(
            dg.AssetMaterialization("months", partition=partition, tags=tags)
        )
        return instance.fetch_materializations(dg.AssetKey("months"), limit=1).records[0].storage_id

    def then(partition: str, storage_id: int) -> LineageNode:
        return node(1, "months", partition, "a", storage_id=storage_id, code_version="1")

    inputs = [then(each, change(each, "a")) for each in ("same", "twice", "back", "recoded")]
    for partition, data, code in (
        ("same", "a", "1"),
        ("twice", "b", "1"),
        ("twice", "b", "1"),
        ("twice", "c", "2"),
        ("back", "b", "1"),
        ("back", "a", "1"),
        ("recoded", "a", "2"),
    ):
        change(partition, data, code)
    assert current_inputs(instance, inputs) == {
        ("months", "same"): InputNow(data_version="a", data_behind=0, code_behind=0),
        ("months", "twice"): InputNow(data_version="c", data_behind=2, code_behind=1),
        ("months", "back"): InputNow(data_version="a", data_behind=0, code_behind=0),
        ("months", "recoded"): InputNow(data_version="a", data_behind=0, code_behind=1),
    }


def test_the_id_of_a_run_is_not_a_code_version(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def plain() -> None: ...

    dg.materialize([plain], instance=instance)
    (event,) = latest(instance, plain.key, None).values()
    assert event.code_version is None
