"""Lineage queries on a code location's asset graph: upstream assets and partition mappings."""

from collections.abc import Collection, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context

from pedigree.dagster.capture.run_provenance import StepContext


class LocationGraph:
    """The asset graph of a code location; empty if the location has none.

    Args:
        graph: Dagster's asset graph of a repository or of a job.
        instance: The instance that stores dynamic partitions.
    """

    def __init__(self, graph: Any, instance: dg.DagsterInstance) -> None:
        self._graph = graph
        self._instance = instance

    @classmethod
    def of_step(cls, context: StepContext) -> "LocationGraph":
        """Return the graph of a running step's whole code location."""
        layer = getattr(context.job_def, "asset_layer", None)
        graph = getattr(layer, "asset_graph", None)
        # The graph of a job has only the job's assets and their inputs, and the graph it came from.
        whole = getattr(graph, "source_asset_graph", graph)
        return cls(whole, context.instance)

    def has(self, key: dg.AssetKey) -> bool:
        """Return whether the location defines the asset."""
        return self._graph is not None and bool(self._graph.has(key))

    def parents(self, key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        """Return the assets that an asset depends on by its definition; empty if undefined."""
        return frozenset(self._graph.get(key).parent_keys) if self.has(key) else frozenset()

    def step_inputs(self, key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        """Return the inputs of the step that makes an asset, whichever output declares them."""
        definition = self._definition(key)
        inputs = definition.node_keys_by_input_name.values() if definition else ()
        return self.parents(key) | frozenset(inputs)

    def available_inputs(
        self, key: dg.AssetKey, loaded: Collection[str] | None = None
    ) -> frozenset[dg.AssetKey]:
        """Return the inputs available to the step of an asset, whichever output declares them.

        Args:
            key: The asset.
            loaded: The names of the inputs that an IO manager loaded in a run; None if they are not
                known. An input that an IO manager loads is not available without its name.
        """
        definition = self._definition(key)
        inputs = definition.node_keys_by_input_name if definition else {}
        return frozenset(
            source
            for name, source in inputs.items()
            if loaded is None or name in loaded or not self.is_loaded(key, source)
        )

    def input_names(self, key: dg.AssetKey) -> frozenset[str]:
        """Return the names of the inputs of the op or graph that makes an asset."""
        definition = self._definition(key)
        return frozenset(definition.node_keys_by_input_name if definition else ())

    def siblings(self, key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        """Return all assets that the step of an asset makes; only the asset if undefined."""
        definition = self._definition(key)
        return frozenset(definition.node_keys_by_output_name.values() if definition else [key])

    def is_partitioned(self, key: dg.AssetKey) -> bool | None:
        """Return whether an asset has partitions by its definition; None if undefined."""
        return self._graph.get(key).partitions_def is not None if self.has(key) else None

    def is_loaded(self, consumer: dg.AssetKey, key: dg.AssetKey) -> bool:
        """Return whether an IO manager loads an input of an asset, by its definition."""
        found = self.input_name(consumer, key)
        definition = self._definition(consumer)
        if found is None or definition is None:
            return False
        (node_input,) = (i for i in definition.node_def.input_defs if i.name == found)
        return not node_input.dagster_type.is_nothing

    def input_name(self, consumer: dg.AssetKey, key: dg.AssetKey) -> str | None:
        """Return the name of the op's or graph's input for an upstream asset."""
        definition = self._definition(consumer)
        names = definition.node_keys_by_input_name.items() if definition else ()
        return next((name for name, input_key in names if input_key == key), None)

    def mapped(
        self, consumer: dg.AssetKey, partitions: Sequence[str], key: dg.AssetKey
    ) -> tuple[str, ...] | None:
        """Return the partitions of an input that the current definitions map to some partitions.

        Returns:
            None if the mapping is unknown or fails.
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
            return None  # a partition that the current definitions do not have

    def _definition(self, key: dg.AssetKey) -> dg.AssetsDefinition | None:
        node = self._graph.get(key) if self._graph is not None and self.has(key) else None
        definition = getattr(node, "assets_def", None)
        return definition if definition is not None and definition.is_executable else None
