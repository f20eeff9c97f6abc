"""A code location that is run asset by asset, and the registry's answers about it."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from pedigree.dagster import RegistryResource, registry_definitions, with_lineage
from pedigree.registry import Registry


class MemoryIOManager(dg.ConfigurableIOManager):
    """An IO manager that stores values in memory, by asset and partition."""

    label: str = "memory"

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        for place in _places(context):
            VALUES[place] = obj

    def load_input(self, context: dg.InputContext) -> object:
        found = [VALUES.get(place) for place in _places(context)]
        return found if len(found) != 1 else found[0]


VALUES: dict[tuple[Any, ...], object] = {}


def _places(context: dg.InputContext | dg.OutputContext) -> list[tuple[Any, ...]]:
    if not context.has_asset_key:
        output = context.upstream_output if isinstance(context, dg.InputContext) else context
        return [tuple(output.get_identifier())]
    if context.has_asset_partitions:
        return [(context.asset_key, partition) for partition in context.asset_partition_keys]
    return [(context.asset_key, None)]


class RecordedLocation:
    """A code location that is run asset by asset."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        registry: RegistryResource,
        *assets: Any,
        hook: bool,
        resources: dict[str, Any] | None = None,
    ) -> None:
        self.instance = instance
        models = [asset for asset in assets if _is_model(asset)]
        definitions = dg.Definitions.merge(
            dg.Definitions(list(assets), resources=resources or {"io_manager": MemoryIOManager()}),
            registry_definitions(*models, registry=registry),
        )
        self.definitions = with_lineage(definitions) if hook else definitions
        self.job = self.definitions.resolve_implicit_global_asset_job_def()
        self.cursor: str | None = None

    def run(self, *keys: str | dg.AssetKey, **options: Any) -> dg.ExecuteInProcessResult:
        wanted = [dg.AssetKey(key) if isinstance(key, str) else key for key in keys]
        result = self.job.execute_in_process(
            asset_selection=wanted, instance=self.instance, **options
        )
        assert result.success
        return result

    def run_partitions(self, key: str, partitions: list[str]) -> None:
        for partition in partitions:
            self.run(key, partition_key=partition)

    def follow(self) -> None:
        """Evaluate a tick of the lineage sensor."""
        sensor = self.definitions.resolve_sensor_def("pedigree_lineage")
        context = dg.build_sensor_context(
            self.instance,
            cursor=self.cursor,
            repository_def=self.definitions.get_repository_def(),
            resources={"registry": self.definitions.resources["registry"]},
        )
        with context as tick:
            self.cursor = sensor.evaluate_tick(tick).cursor


def _is_model(asset: Any) -> bool:
    return isinstance(asset, dg.AssetsDefinition) and any(
        key.path[0] == "models" for key in asset.keys
    )


@pytest.fixture(name="graph")
def graph_fixture(
    instance: dg.DagsterInstance, resources: dict[str, Any]
) -> Callable[..., RecordedLocation]:
    VALUES.clear()

    def make(*assets: Any, hook: bool = True, **options: Any) -> RecordedLocation:
        return RecordedLocation(instance, resources["registry"], *assets, hook=hook, **options)

    return make


def certainties(pedigree: Registry, asset: str, partition: str | None = None) -> dict[str, str]:
    """Return the versions that `impact` lists, each with its certainty."""
    found = pedigree.impact(asset, partition=partition).versions
    return {one.reference: one.certainty.value for one in found}


def edges(pedigree: Registry, reference: str) -> set[tuple[Any, ...]]:
    lineage = pedigree.lineage(reference)
    nodes = {node.node_id: node for node in lineage.nodes}
    return {
        (
            nodes[edge.consumer].asset,
            nodes[edge.source].asset,
            nodes[edge.source].partition,
            edge.certainty,
        )
        for edge in lineage.edges
    }
