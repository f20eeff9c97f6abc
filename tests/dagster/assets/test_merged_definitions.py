"""Several calls of `registry_definitions` in one project merge, if they say the same."""

import pickle
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes.serdes import deserialize_value, serialize_value

from pedigree.dagster import (
    RegistryResource,
    registry_definitions,
    registry_resources,
    with_lineage,
)
from pedigree.dagster.sensors.targets import models_of
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.policy import default_policy
from pedigree.monitoring.records import DriftRule
from pedigree.registry import Registry
from tests.dagster.location import CHURN, Location
from tests.dagster.models import churn_asset
from tests.factories import free_policy, register

OTHER = churn_asset("other")
MONITORED = churn_asset("monitored", policy=default_policy(drift=DriftRule()))
URL = "postgresql://ann:hidden@db/registry"


def merged(*parts: dg.Definitions) -> dg.Definitions:
    return dg.Definitions.merge(dg.Definitions(assets=[CHURN, OTHER, MONITORED]), *parts)


def test_two_calls_merge_and_their_sensors_find_the_models_of_both() -> None:
    one = registry_definitions(CHURN, "elsewhere")
    two = registry_definitions(OTHER, MONITORED)
    definitions = merged(one, two)
    dg.Definitions.validate_loadable(definitions)
    repository = definitions.get_repository_def()
    assert sorted(sensor.name for sensor in repository.sensor_defs) == [
        *("pedigree_drift", "pedigree_lineage", "pedigree_mirror", "pedigree_promotion")
    ]
    assert {spec.name for spec in models_of(repository.asset_graph)} == {
        *("churn", "elsewhere", "other", "monitored")
    }
    assert list(one.sensors or ()) == list(two.sensors or ())[:3]
    assert dict(one.resources or {}) == dict(two.resources or {})
    snapshot = RepositorySnap.from_def(repository)
    assert deserialize_value(serialize_value(snapshot), RepositorySnap).name == snapshot.name


@pytest.mark.parametrize(
    "registry",
    [
        lambda: None,
        RegistryResource,
        lambda: RegistryResource(database_url=URL),
        lambda: RegistryResource(database_url=dg.EnvVar("REGISTRY"), store_url="file:///objects"),
    ],
)
def test_equal_registries_are_one(registry: type[RegistryResource]) -> None:
    definitions = merged(
        registry_definitions(CHURN, registry=registry()),
        registry_definitions(OTHER, registry=registry()),
        dg.Definitions(resources=registry_resources(registry())),
    )
    dg.Definitions.validate_loadable(definitions)


def test_calls_with_other_registries_are_refused_and_both_are_named_without_secrets() -> None:
    one = registry_definitions(CHURN, registry=RegistryResource(database_url=URL))
    for other in (
        RegistryResource(database_url=dg.EnvVar("REGISTRY")),
        RegistryResource(database_url="REGISTRY"),
        RegistryResource(store_url="s3://bucket/models"),
        None,
    ):
        with pytest.raises(InvalidInputError, match="two calls in one code location") as refused:
            merged(one, registry_definitions(OTHER, registry=other))
        assert "@db/registry" in str(refused.value)
        assert repr(other or RegistryResource()) in str(refused.value)
        assert "hidden" not in str(refused.value)


def test_calls_with_other_sensors_are_refused_and_both_are_named() -> None:
    for differing in ({"interval_seconds": 60}, {"running": False}):
        with pytest.raises(InvalidInputError, match="seconds=30, running=True") as refused:
            merged(registry_definitions(CHURN), registry_definitions(OTHER, **differing))
        ((name, value),) = differing.items()
        assert f"{name}={value}" in str(refused.value)
    # a call without sensors fits to any other
    merged(registry_definitions(CHURN), registry_definitions(OTHER, sensors=False))


def test_resources_with_another_io_manager_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="flavor='sklearn'"):
        merged(
            dg.Definitions(resources=registry_resources()),
            dg.Definitions(resources=registry_resources(flavor="sklearn")),
        )


def test_a_key_is_an_ordinary_text_elsewhere() -> None:
    (key, _) = registry_resources()
    assert key == "registry"
    assert {key: 1}["registry"] == 1
    assert type(pickle.loads(pickle.dumps(key))) is str
    assert key != 5


def test_two_locations_of_one_process_may_have_different_registries() -> None:
    one, two = (
        next(iter(registry_resources(RegistryResource(database_url=f"postgresql://{host}/x"))))
        for host in ("one", "two")
    )
    # Dagster caches configuration by these keys for the whole process.
    assert {one: "cached"}[two] == "cached"


def test_one_tick_promotes_models_of_both_calls(
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
    database_url: str,
    tmp_path: Path,
) -> None:
    definitions = merged(
        registry_definitions(CHURN, registry=RegistryResource(database_url=database_url)),
        registry_definitions(OTHER, registry=RegistryResource(database_url=database_url)),
    )
    location = Location(instance, definitions, resources)
    for name in ("churn", "other"):
        register(pedigree, tmp_path, name=name)
        pedigree.set_policy(name, free_policy())
        pedigree.promote(f"{name}/1", "candidate")
    requests = location.tick("pedigree_promotion").run_requests
    assert sorted(request.asset_selection[0].path[1] for request in requests) == ["churn", "other"]
    for request in requests:
        assert location.execute(request).success
    assert [pedigree.get(f"{name}/1").stage for name in ("churn", "other")] == ["staging"] * 2
    assert len(location.mirror()) == 2  # the registrations


def test_files_that_each_record_lineage_merge() -> None:
    files = [
        with_lineage(
            dg.Definitions.merge(dg.Definitions(assets=[model]), registry_definitions(model))
        )
        for model in (CHURN, OTHER)
    ]
    dg.Definitions.validate_loadable(dg.Definitions.merge(*files))
