"""A real Dagster instance on Postgres, and models small enough to train in no time."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from psycopg import sql

from pedigree.dagster import RegistryResource, registry_resources
from pedigree.dagster.instance import PedigreeStorage
from pedigree.postgres import EmbeddedPostgres
from pedigree.registry import Registry

DAGSTER_TEMPLATE = "dagster_template"
STORAGE = {"custom": {"module": "pedigree.dagster.instance", "class": "PedigreeStorage"}}


@pytest.fixture(scope="session")
def dagster_template(postgres: EmbeddedPostgres) -> str:
    """A database with Dagster's tables: making them takes a second, copying them 30 ms."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    name = f"{DAGSTER_TEMPLATE}{worker}"
    PedigreeStorage(postgres.url(name))
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(sql.Identifier(name))
        )
    return name


@pytest.fixture
def dagster_url(dagster_template: str, make_database_url: Callable[..., str]) -> str:
    """The URL of a fresh database with Dagster's tables."""
    return make_database_url(dagster_template)


@pytest.fixture
def instance(
    dagster_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance whose storage is a PedigreeStorage."""
    monkeypatch.setenv("PEDIGREE_DAGSTER_DATABASE_URL", dagster_url)
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(
        str(folder), overrides={"storage": STORAGE, "telemetry": {"enabled": False}}
    ) as instance:
        yield instance


@pytest.fixture
def resources(database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The resources of model assets, on a fresh registry."""
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    monkeypatch.setenv("PEDIGREE_ACTOR", "tester")
    monkeypatch.setenv("PEDIGREE_GIT_COMMIT", "0123456789abcdef")
    return registry_resources(RegistryResource(database_url=database_url))


@pytest.fixture
def pedigree(resources: dict[str, object]) -> Iterator[Registry]:
    """The registry that the resources reach."""
    registry = resources["registry"].connect()
    yield registry
    registry.close()


@pytest.fixture
def materialize(
    instance: dg.DagsterInstance, resources: dict[str, object]
) -> Callable[..., dg.ExecuteInProcessResult]:
    """Materialize assets (and run checks) on the instance, with the registry at hand."""

    def run(*definitions: object, **options: object) -> dg.ExecuteInProcessResult:
        return dg.materialize(list(definitions), instance=instance, resources=resources, **options)

    return run
