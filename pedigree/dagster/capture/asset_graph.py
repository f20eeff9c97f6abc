"""A code location's asset graph as lineage asks it: what is upstream, what a mapping gives."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context

from pedigree.dagster.capture.run_provenance import StepContext


class LocationGraph:
    """The asset graph of a code location; one that knows no asset where there is none.

    Args:
        graph: Dagster's own, of a repository or of a job.
        instance: Where dynamic partitions are kept.
    """

    def __init__(self, graph: Any, instance: dg.DagsterInstance) -> None:
        self._graph = graph
        self._instance = instance

    @classmethod
    def of_step(cls, context: StepContext) -> "LocationGraph":
        """Return the graph of a running step's whole code location."""
        layer = getattr(context.job_def, "asset_layer", None)
        graph = getattr(layer, "asset_graph", None)
        # A job that selects some assets knows only these and their inputs, and where it is from.
        whole = getattr(graph, "source_asset_graph", graph)
        return cls(whole, context.instance)

    def has(self, key: dg.AssetKey) -> bool:
        """Whether the location defines the asset."""
        return self._graph is not None and bool(self._graph.has(key))

    def parents(self, key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        """The assets that an asset depends on by its definition; none where that is not known."""
        return frozenset(self._graph.get(key).parent_keys) if self.has(key) else frozenset()

    def step_inputs(self, key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        """The inputs of the step that makes an asset, whichever of its outputs declares them."""
        definition = self._definition(key)
        inputs = definition.node_keys_by_input_name.values() if definition else ()
        return self.parents(key) | frozenset(inputs)

    def siblings(self, key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        """All assets that the step of an asset makes; the asset alone where that is not known."""
        definition = self._definition(key)
        return frozenset(definition.node_keys_by_output_name.values() if definition else [key])

    def is_partitioned(self, key: dg.AssetKey) -> bool | None:
        """Whether an asset has partitions by its definition; None where that is not known."""
        return self._graph.get(key).partitions_def is not None if self.has(key) else None

    def is_loaded(self, consumer: dg.AssetKey, key: dg.AssetKey) -> bool:
        """Whether, by its definition, an IO manager loads an input of an asset."""
        found = self.input_name(consumer, key)
        definition = self._definition(consumer)
        if found is None or definition is None:
            return False
        (node_input,) = (each for each in definition.node_def.input_defs if each.name == found)
        return not node_input.dagster_type.is_nothing

    def input_name(self, consumer: dg.AssetKey, key: dg.AssetKey) -> str | None:
        """Return the name of the op's or graph's input that an asset is."""
        definition = self._definition(consumer)
        names = definition.node_keys_by_input_name.items() if definition else ()
        return next((name for name, each in names if each == key), None)

    def mapped(
        self, consumer: dg.AssetKey, partitions: Sequence[str], key: dg.AssetKey
    ) -> tuple[str, ...] | None:
        """Return the partitions of an input that the definitions of now map to some partitions.

        Returns:
            None where the mapping is not known or does not give them.
        """
        if self._graph is None or not self.has(consumer) or not self.has(key):
            return None
        upstream = self._graph.get(key).partitions_def
        downstream = self._graph.get(consumer).partitions_def
        if upstream is None:
            return None
        mapping = self._graph.get_partition_mapping(consumer, key)
        try:
            with partition_loading_context(dynamic_partitions_store=self._instance):
                subset = downstream.subset_with_partition_keys(partitions) if downstream else None
                found = mapping.get_upstream_mapped_partitions_result_for_partitions(
                    subset, downstream, upstream
                )
                return tuple(found.partitions_subset.get_partition_keys())
        except dg.DagsterError:
            return None  # a partition that the definitions of now do not have

    def _definition(self, key: dg.AssetKey) -> dg.AssetsDefinition | None:
        node = self._graph.get(key) if self._graph is not None and self.has(key) else None
        definition = getattr(node, "assets_def", None)
        return definition if definition is not None and definition.is_executable else None
