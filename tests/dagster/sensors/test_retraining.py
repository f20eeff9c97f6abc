"""How far production is behind, in the registry's search and as a reason to train again."""

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


class Flying:
    """Months of flights, a model of January in production, and the sensors that watch it."""

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
def flying(
    instance: dg.DagsterInstance,
    resources: dict[str, object],
    pedigree: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> Flying:
    monkeypatch.setattr("pedigree.dagster.sensors.usage_and_staleness._AGE", timedelta(0))
    return Flying(instance, resources, pedigree)


def test_production_is_so_many_versions_behind_by_partition_and_search_finds_it(
    flying: Flying,
) -> None:
    assert flying.found("stale = true OR stale = false") == []
    flying.tick("pedigree_lineage")
    assert flying.found("stale = false AND data_behind = 0") == ["delay/1"]
    flying.clean("2013-02", "anew")  # not what it was trained on
    flying.clean("2013-01", "anew")
    flying.clean("2013-01", "once more")
    flying.tick("pedigree_lineage")
    assert flying.found("stale = true AND data_behind >= 2 AND stage = 'production'") == ["delay/1"]
    found = flying.registry.stale("delay/1")
    (january,) = found.inputs
    assert (january.asset, january.partition, january.data_behind) == ("flights", "2013-01", 2)
    assert january.now == "2013-01 once more"
    assert (found.data_behind, found.code_behind) == (2, 0)
    # what nobody uses any more is not said to be stale for ever
    flying.registry.promote("delay/1", "archived")
    flying.tick("pedigree_lineage")
    assert flying.found("stale = true") == []


def test_other_code_of_the_training_is_counted_too(flying: Flying) -> None:
    known = delay.specs_by_key[delay.key].code_version
    assert (
        flying.registry.operations.staleness.keep_staleness(
            "delay/1", {}, code_version=known
        ).code_behind
        == 0
    )
    assert (
        flying.registry.operations.staleness.keep_staleness(
            "delay/1", {}, code_version="other"
        ).code_behind
        == 1
    )
    assert flying.found("code_behind = 1") == ["delay/1"]


def test_a_version_is_trained_again_on_the_same_partitions(flying: Flying) -> None:
    request = retrain_like(flying.registry, "delay/1")
    assert request.asset_selection == [delay.key]
    flying.clean("2013-01", "anew")
    flying.materialize(delay.key, run_config=request.run_config, tags=request.tags)
    inputs = flying.registry.lineage("delay/2").inputs()
    assert [(node.partition, node.data_version) for node, _ in inputs] == [
        ("2013-01", "2013-01 anew")
    ]


def test_what_no_asset_trained_cannot_be_trained_again(pedigree: Registry, tmp_path: Path) -> None:
    pedigree.register("by hand", artifact(tmp_path / "a"), new_version())
    with pytest.raises(NotRetrainableError, match="no asset trained it"):
        pedigree.retrain_like("by hand/1")


def test_staleness_is_a_reason_to_train_once_for_each_state(flying: Flying) -> None:
    def requested() -> list[str]:
        flying.tick("pedigree_lineage")
        return [request.run_key for request in flying.tick("retraining").run_requests]

    flying.clean("2013-01", "anew")
    assert requested() == []  # one version behind is not yet enough
    flying.clean("2013-01", "once more")
    (first,) = requested()
    assert requested() == [first]  # the run key makes one run of both
    flying.clean("2013-01", "and again")
    (second,) = requested()
    assert second != first
