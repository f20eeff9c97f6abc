"""Staleness of production, in the registry's search and as a trigger of retraining."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from pedigree.dagster import (
    ModelInputs,
    RegistryResource,
    TrainedModel,
    model_asset,
    registry_definitions,
    retrain_like,
    retrain_stale,
)
from pedigree.errors import NotRetrainableError
from pedigree.registry import Registry
from tests.dagster.models import trained
from tests.factories import artifact, free_policy, new_version

MONTHS = dg.StaticPartitionsDefinition(["2013-01", "2013-02"])


class Clean(dg.Config):
    how: str = "as it came"


class Chosen(dg.Config):
    months: list[str]


@dg.asset(partitions_def=MONTHS, code_version="1")
def flights(context: dg.AssetExecutionContext, config: Clean) -> dg.MaterializeResult:
    content = f"{context.partition_key} {config.how}"
    return dg.MaterializeResult(value=content, data_version=dg.DataVersion(content))


@model_asset(name="delay", flavor="generic", deps=[flights])
def delay(inputs: ModelInputs, config: Chosen) -> TrainedModel:
    return trained(" ".join(inputs.read(flights, partitions=config.months).values()))


@dg.sensor(name="retraining", asset_selection=[delay])
def retraining(context: dg.SensorEvaluationContext, registry: RegistryResource) -> dg.SensorResult:
    return retrain_stale(context, registry.connect(), [delay], data_behind=2)


class FlightsLocation:
    """Months of flights, a model of January in production, and its sensors."""

    def __init__(
        self, instance: dg.DagsterInstance, resources: dict[str, object], registry: Registry
    ) -> None:
        self.instance, self.resources, self.registry = instance, resources, registry
        self.definitions = dg.Definitions.merge(
            dg.Definitions(assets=[flights, delay], sensors=[retraining]),
            registry_definitions(delay, registry=resources["registry"]),
        )
        self.clean("2013-01")
        self.clean("2013-02")
        config = dg.RunConfig(ops={delay.op.name: Chosen(months=["2013-01"])})
        self.materialize(delay.key, run_config=config)
        registry.set_policy("delay", free_policy())
        registry.promote("delay/1", "production")

    def clean(self, month: str, how: str = "as it came") -> None:
        config = dg.RunConfig(ops={"flights": Clean(how=how)})
        self.materialize("flights", partition_key=month, run_config=config)

    def materialize(self, key: object, **options: object) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [flights, delay],
            selection=[key],
            instance=self.instance,
            resources=self.resources,
            **options,
        )

    def tick(self, sensor: str) -> object:
        repository = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance, repository_def=repository, resources=self.resources
        ) as context:
            return repository.get_sensor_def(sensor).evaluate_tick(context)

    def found(self, expression: str) -> list[str]:
        return [one.reference for one in self.registry.search(expression).records]


@pytest.fixture
def location(
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> FlightsLocation:
    monkeypatch.setattr("pedigree.dagster.sensors.usage_and_staleness._AGE", timedelta(0))
    return FlightsLocation(instance, resources, pedigree)


def test_staleness_is_counted_by_partition_and_search_finds_it(
    location: FlightsLocation,
) -> None:
    assert location.found("stale = true OR stale = false") == []
    location.tick("pedigree_lineage")
    assert location.found("stale = false AND data_behind = 0") == ["delay/1"]
    location.clean("2013-02", "changed")  # not a training month
    location.clean("2013-01", "changed")
    location.clean("2013-01", "once more")
    location.tick("pedigree_lineage")
    assert location.found("stale = true AND data_behind >= 2 AND stage = 'production'") == [
        "delay/1"
    ]
    found = location.registry.stale("delay/1")
    (january,) = found.inputs
    assert (january.asset, january.partition, january.data_behind) == ("flights", "2013-01", 2)
    assert january.now == "2013-01 once more"
    assert (found.data_behind, found.code_behind) == (2, 0)
    # a version that is no longer in use is not stale
    location.registry.promote("delay/1", "archived")
    location.tick("pedigree_lineage")
    assert location.found("stale = true") == []


def test_newer_training_code_is_counted(location: FlightsLocation) -> None:
    current_version = delay.specs_by_key[delay.key].code_version
    keep = location.registry.operations.staleness.keep_staleness
    assert keep("delay/1", {}, code_version=current_version).code_behind == 0
    assert keep("delay/1", {}, code_version="other").code_behind == 1
    assert location.found("code_behind = 1") == ["delay/1"]


def test_a_retraining_uses_the_same_partitions(location: FlightsLocation) -> None:
    request = retrain_like(location.registry, "delay/1")
    assert request.asset_selection == [delay.key]
    location.clean("2013-01", "changed")
    location.materialize(delay.key, run_config=request.run_config, tags=request.tags)
    inputs = location.registry.lineage("delay/2").inputs()
    assert [(node.partition, node.data_version) for node, _ in inputs] == [
        ("2013-01", "2013-01 changed")
    ]


def test_a_version_that_no_asset_trained_cannot_be_retrained(
    pedigree: Registry, tmp_path: Path
) -> None:
    pedigree.register("by hand", artifact(tmp_path / "a"), new_version())
    with pytest.raises(NotRetrainableError, match="no asset trained it"):
        pedigree.retrain_like("by hand/1")


def test_staleness_requests_one_training_per_state(location: FlightsLocation) -> None:
    def requested() -> list[str]:
        location.tick("pedigree_lineage")
        return [request.run_key for request in location.tick("retraining").run_requests]

    location.clean("2013-01", "changed")
    assert requested() == []  # one newer version is below the threshold
    location.clean("2013-01", "once more")
    (first,) = requested()
    assert requested() == [first]  # the run key makes one run of both
    location.clean("2013-01", "and again")
    (second,) = requested()
    assert second != first
