"""A real Dagster instance on Postgres, and models that train quickly."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from pedigree.dagster import RegistryResource, registry_definitions, registry_resources
from pedigree.postgres import EmbeddedPostgres
from pedigree.registry import Registry
from tests.dagster.location import CHURN, Location

STORAGE = {"custom": {"module": "pedigree.dagster.instance", "class": "PedigreeStorage"}}
# The default starts two processes for each step, which copy what the step prints.
NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


@pytest.fixture(scope="session")
def dagster_url(postgres: EmbeddedPostgres) -> str:
    """The URL of a database for Dagster, one per worker."""
    return postgres.url(f"dagster{os.environ.get('PYTEST_XDIST_WORKER', '')}")


@pytest.fixture(scope="session")
def worker_instance(
    dagster_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    """One instance per worker: creating it takes a second, and wiping it milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEDIGREE_DAGSTER_DATABASE_URL", dagster_url)
        instance = dg.DagsterInstance.local_temp(
            str(tmp_path_factory.mktemp("dagster")),
            overrides={
                "storage": STORAGE,
                "compute_logs": NO_COMPUTE_LOGS,
                "telemetry": {"enabled": False},
            },
        )
    with instance:
        yield instance


@pytest.fixture
def instance(
    worker_instance: dg.DagsterInstance, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An empty Dagster instance whose storage is a PedigreeStorage."""
    monkeypatch.setenv("PEDIGREE_DAGSTER_DATABASE_URL", dagster_url)
    yield worker_instance
    worker_instance.wipe()


@pytest.fixture
def resources(database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The resources of model assets, with an empty registry."""
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    monkeypatch.setenv("PEDIGREE_ACTOR", "tester")
    monkeypatch.setenv("PEDIGREE_GIT_COMMIT", "0123456789abcdef")
    return registry_resources(RegistryResource(database_url=database_url))


@pytest.fixture
def pedigree(resources: dict[str, object]) -> Iterator[Registry]:
    """The registry of the resources."""
    registry = resources["registry"].connect()
    yield registry
    registry.close()


@pytest.fixture
def materialize(
    instance: dg.DagsterInstance, resources: dict[str, object]
) -> Callable[..., dg.ExecuteInProcessResult]:
    """Materialize assets (and run checks) on the instance, with the registry's resources."""

    def run(*definitions: object, **options: object) -> dg.ExecuteInProcessResult:
        return dg.materialize(list(definitions), instance=instance, resources=resources, **options)

    return run


@pytest.fixture
def make_location(
    instance: dg.DagsterInstance, resources: dict[str, object]
) -> Callable[..., Location]:
    def make(*models: object) -> Location:
        assets = [model for model in models if isinstance(model, dg.AssetsDefinition)]
        definitions = dg.Definitions.merge(
            dg.Definitions(assets=assets),
            registry_definitions(*models, registry=resources["registry"]),
        )
        return Location(instance, definitions, resources)

    return make


@pytest.fixture
def location(make_location: Callable[..., Location]) -> Iterator[Location]:
    return make_location(CHURN)
