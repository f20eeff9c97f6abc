"""Record what the running step reads in its own materializations.

::

    @dg.asset(deps=["loans"])
    def features(context: dg.AssetExecutionContext) -> None:
        record_read(context, "loans", ["2026-01-01"])
        ...  # the body reads the table itself
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias
from weakref import WeakKeyDictionary

import dagster as dg
from dagster._core.events import EngineEventData

from pedigree.dagster import metadata_keys
from pedigree.dagster.asset_keys import AssetLike, key_of, unique_partitions
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.recorded_reads import (
    NO_EVENT,
    Kind,
    Partitions,
    Reads,
    encoded,
    to_json,
)
from pedigree.dagster.capture.run_provenance import StepContext, makes_partitions, op_context_of

# A larger record is written once per step instead of once per partition that the step makes.
_SHARED_FROM_BYTES = 4_096

_Inputs: TypeAlias = tuple[dg.AssetKey, frozenset[str] | None]


def record_read(
    context: StepContext,
    asset: AssetLike,
    partitions: Sequence[str] | None = None,
) -> None:
    """Record that the body of the running step reads an asset itself.

    Use it for assets among the ``deps`` that no IO manager loads: SQL, dbt, Pipes, Spark. Without
    it, the reads of such a body are at most possible. Call it while the step runs, before it
    returns or yields its results.

    Args:
        context: The step's context.
        asset: The asset that it reads.
        partitions: The partitions that it reads; all that currently have an event when None.

    Raises:
        InvalidInputError: ``partitions`` is empty, or the asset's name is ambiguous.
    """
    key = key_of(asset)
    if partitions is None:
        partitions = _partitions_now(context.instance, key)
    names = unique_partitions(partitions) if partitions is not None else None
    step = StepReads.of(context)
    step.add("stated", key, look_up(context.instance, key, names))


def look_up(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str] | None
) -> Partitions:
    """Return the current newest event of each partition, or of the asset without partitions.

    Empty if ``partitions`` is None but the asset has partitions: it is unknown which were read.
    """
    return _ids(event_log.latest(instance, key, partitions), partitions)


def _ids(found: Mapping[str | None, AssetEvent], partitions: Sequence[str] | None) -> Partitions:
    wanted: Sequence[str | None] = (None,) if partitions is None else partitions
    if partitions is None and found and None not in found:
        return {}
    return {name: (found[name].storage_id if name in found else NO_EVENT,) for name in wanted}


def _inputs(key: dg.AssetKey, partitions: Sequence[str] | None) -> _Inputs:
    return key, None if partitions is None else frozenset(partitions)


class StepReads:
    """The reads of the running step, which its outputs record."""

    _OF_STEPS: ClassVar[WeakKeyDictionary[Any, "StepReads"]] = WeakKeyDictionary()

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self.reads = Reads()
        self._states: dict[_Inputs, dict[str | None, AssetEvent]] = {}

    @classmethod
    def of(cls, context: StepContext) -> "StepReads":
        """Return the reads of a context's step; all contexts of one step share them."""
        op_context = op_context_of(context)
        step = op_context.get_step_execution_context()
        return cls._OF_STEPS.setdefault(step, cls(op_context))

    def state(
        self, key: dg.AssetKey, partitions: Sequence[str] | None
    ) -> dict[str | None, AssetEvent]:
        """Return the newest events of an input when it was loaded, or else those of now.

        All captures of the step get the same answer: that of the first one.
        """
        inputs = _inputs(key, partitions)
        if inputs not in self._states:
            self._states[inputs] = event_log.latest(self._context.instance, key, partitions)
        return dict(self._states[inputs])

    def look_up(self, key: dg.AssetKey, partitions: Sequence[str] | None) -> Partitions:
        """Return the current events of an input that was just loaded, and keep its state."""
        self._states[_inputs(key, partitions)] = found = event_log.latest(
            self._context.instance, key, partitions
        )
        return _ids(found, partitions)

    def add(self, kind: Kind, key: dg.AssetKey, partitions: Partitions) -> None:
        """Add a read, and write all of them to the step's materializations."""
        self.reads.add(kind, key, partitions)
        self._write()

    def _write(self) -> None:
        context = op_context_of(self._context)
        step = context.get_step_execution_context()
        if step.is_in_graph_asset:
            self._write_to_outputs(context)
        elif step.is_sda_step:
            self._write_to_assets(context)
            if any(not output.is_required for output in context.op_def.output_defs):
                self._write_to_log(context)

    def _write_to_outputs(self, context: dg.OpExecutionContext) -> None:
        # Only the last op of a graph-backed asset materializes it. The other ops record their reads
        # in the metadata of their outputs, from where the run's log has them.
        record = {metadata_keys.READS: encoded(self.reads)}
        for output in context.op_def.output_defs:
            if not output.is_dynamic:
                context.add_output_metadata(record, output_name=output.name)

    def _write_to_log(self, context: dg.OpExecutionContext) -> None:
        # A body with an optional output can yield its own materializations, to which no metadata
        # can be added.
        context.instance.report_engine_event(
            "What the step has read so far",
            context.run,
            EngineEventData(metadata={metadata_keys.READS: encoded(self.reads)}),
            step_key=context.get_step_execution_context().step.key,
        )

    def _write_to_assets(self, context: dg.OpExecutionContext) -> None:
        record = encoded(self.reads)
        partitions = context.partition_keys if makes_partitions(context) else ()
        shared = len(partitions) > 1 and len(json.dumps(record.value)) > _SHARED_FROM_BYTES
        asset_context = dg.AssetExecutionContext(context)
        for key in sorted(context.selected_asset_keys):
            if not shared:
                asset_context.add_asset_metadata({metadata_keys.READS: record}, key)
                continue
            where = dg.MetadataValue.json(to_json(partitions[0]))
            asset_context.add_asset_metadata({metadata_keys.READS: where}, key)
            asset_context.add_asset_metadata({metadata_keys.READS: record}, key, partitions[0])


def _partitions_now(instance: dg.DagsterInstance, key: dg.AssetKey) -> Sequence[str] | None:
    return sorted(instance.get_materialized_partitions(key)) or None
