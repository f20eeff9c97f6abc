from collections.abc import Callable
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from pedigree.dagster.staleness import current_data_versions
from pedigree.settings import Settings


def report(instance: dg.DagsterInstance, version: str, partition: str | None = None) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization("raw", partition=partition, tags={"dagster/data_version": version})
    )


def test_the_present_is_read_from_where_dagster_s_storage_is(
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
    inputs = [("raw", None), ("raw", "p1"), ("raw", "p2"), ("gone", None)]
    assert current_data_versions(inputs, settings) == {
        ("raw", None): "one",
        ("raw", "p1"): "one",
        ("raw", "p2"): None,
        ("gone", None): None,
    }


def test_without_an_instance_nothing_is_claimed(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    settings = Settings(dagster_database_url="postgresql://nobody@127.0.0.1:1/x", home=home)
    assert current_data_versions([("raw", None)], settings) is None


def test_an_instance_that_knows_none_of_them_is_another_one(
    instance: dg.DagsterInstance,
    dagster_url: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    settings = Settings(dagster_database_url=dagster_url, home=home)
    assert current_data_versions([("raw", None)], settings) is None


def test_asking_makes_no_instance(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    make_database_url: Callable[..., str],
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert current_data_versions([("raw", None)], Settings(home=home)) is None
    assert not home.exists()
    url = make_database_url(None)
    assert current_data_versions([("raw", None)], Settings(home=home, database_url=url)) is None
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dagster'"
        assert connection.execute(query).fetchone() == (0,)
