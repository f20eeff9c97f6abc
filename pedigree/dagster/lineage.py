"""Capture, inside the step, what a training is made from.

Dagster's own record of a step's inputs names, for a partitioned input, the newest event of *any*
partition, and may name an event newer than the data that was read. So the events of exactly the
partitions that the step reads are looked up when its body starts and again when it ends.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import rfc8785
from dagster._check import CheckError

from pedigree.dagster import events, metadata
from pedigree.dagster.closure import Closure
from pedigree.dagster.events import AssetEvent
from pedigree.errors import InvalidInputError
from pedigree.lineage.records import Capture, LineageGraph, LineageNode


@dataclass
class Consumed:
    """One input of the step: the partitions it reads, and the events they had at the start.

    ``partitions`` is None for an input without partitions, or whose partitions nobody here knows.
    """

    key: dg.AssetKey
    partitions: tuple[str, ...] | None
    capture: Capture
    events: dict[str | None, AssetEvent] = field(default_factory=dict)

    @property
    def ambiguous(self) -> bool:
        """The input turned out to have partitions, and which of them were read is not known."""
        return self.partitions is None and any(name is not None for name in self.events)


class LineageCapture:
    """The inputs of one step, watched from its body's start to its end.

    Args:
        context: The step's context.
        key: The asset that the step makes; None in a plain op, which has no inputs of its own.
    """

    def __init__(
        self, context: dg.AssetExecutionContext | dg.OpExecutionContext, key: dg.AssetKey | None
    ) -> None:
        self._instance = context.instance
        self._context = context
        self._raced = False
        self.consumed: dict[dg.AssetKey, Consumed] = {}
        if key is not None and isinstance(context, dg.AssetExecutionContext):
            for consumed in _inputs_of(context, key):
                consumed.events = self._look_up(consumed)
                self.consumed[consumed.key] = consumed

    def declare(self, keys: Iterable[dg.AssetKey]) -> None:
        """Add inputs that the caller names, as they stand now."""
        for key in keys:
            consumed = Consumed(key, None, Capture.DECLARED)
            consumed.events = self._look_up(consumed)
            self.consumed.setdefault(key, consumed)

    def snapshot(
        self, key: dg.AssetKey, partitions: Sequence[str] | None
    ) -> dict[str | None, AssetEvent]:
        """Return the events of an input as they stand now."""
        return events.latest(self._instance, key, partitions)

    def read(
        self,
        key: dg.AssetKey,
        partitions: Sequence[str] | None,
        found: Mapping[str | None, AssetEvent],
    ) -> None:
        """Record that the body read exactly these partitions of an input."""
        known = self.consumed.get(key)
        if known is None or known.capture is not Capture.READ:
            self.consumed[key] = Consumed(
                key,
                tuple(partitions) if partitions is not None else None,
                Capture.READ,
                dict(found),
            )
            return
        for partition, event in found.items():
            if known.events.setdefault(partition, event).storage_id != event.storage_id:
                self._raced = True
        if partitions is not None:
            known.partitions = tuple(dict.fromkeys([*(known.partitions or ()), *partitions]))

    def finish(self, step: LineageNode, started: "StepStart") -> LineageGraph:
        """Look again at every input, and return the graph down to the known sources."""
        raced = self._raced
        for consumed in self.consumed.values():
            raced |= self._look_up(consumed) != consumed.events
            raced |= any(started.precedes(event) for event in consumed.events.values())
        closure = Closure(self._instance, step)
        for consumed in sorted(self.consumed.values(), key=lambda each: each.key):
            _add_input(closure, consumed)
        closure.resolve()
        return LineageGraph(nodes=closure.nodes, edges=closure.edges, raced=raced)

    def pinned_tags(self) -> dict[str, str]:
        """Return the event tags that put Dagster's own provenance right."""
        tags: dict[str, str] = {}
        for consumed in self.consumed.values():
            if consumed.events and not consumed.ambiguous:
                tags |= pinned(consumed.key, consumed.events.values())
        return tags

    def _look_up(self, consumed: Consumed) -> dict[str | None, AssetEvent]:
        return self.snapshot(consumed.key, consumed.partitions)


@dataclass(frozen=True)
class StepStart:
    """When a step began: the storage id of its start event, or the time where ids are not global.

    On SQLite the ids of a run's events count per run, so the clock must do there.
    """

    storage_id: int | None
    timestamp: float

    @classmethod
    def of(cls, instance: dg.DagsterInstance, run_id: str, step_key: str) -> "StepStart":
        """Read a step's start from the event log."""
        # A step that is retried begins again, and reads its inputs again.
        starts = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED}
        records = instance.get_records_for_run(run_id, of_type=starts, ascending=False).records
        for record in records:
            if record.event_log_entry.step_key == step_key:
                sharded = instance.event_log_storage.is_run_sharded
                return cls(None if sharded else record.storage_id, record.timestamp)
        return cls(None, float("inf"))

    def precedes(self, event: AssetEvent) -> bool:
        """Say whether an event was recorded after the step began."""
        if self.storage_id is not None:
            return event.storage_id > self.storage_id
        return event.at.timestamp() > self.timestamp


def pinned(key: dg.AssetKey, used: Collection[AssetEvent]) -> dict[str, str]:
    """Return the tags that say: this input, in exactly these events.

    Dagster keeps one event and one data version per input. For partitions it takes the hash of
    their versions in the order of their names, so the same is done here and its own comparison
    with the present stays right.
    """
    newest = max(used, key=lambda event: event.storage_id)
    name = key.to_user_string()
    versions = [
        event.data_version or "" for event in sorted(used, key=lambda each: each.partition or "")
    ]
    version = combined_version(versions) if newest.partition is not None else versions[0]
    return {
        metadata.INPUT_POINTER + name: str(newest.storage_id),
        metadata.INPUT_DATA_VERSION + name: version,
    }


def combined_version(versions: Iterable[str]) -> str:
    """Return Dagster's data version of several partitions taken together."""
    return hashlib.sha256("".join(versions).encode()).hexdigest()


def training_data_digest(graph: LineageGraph) -> str | None:
    """Return one digest over the data versions of all direct inputs; None where there are none."""
    inputs = sorted(
        (node.asset, node.partition or "", node.data_version or "") for node, _ in graph.inputs()
    )
    if not inputs:
        return None
    canonical = rfc8785.dumps([list(each) for each in inputs])
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"


def _inputs_of(context: dg.AssetExecutionContext, key: dg.AssetKey) -> list[Consumed]:
    asset = context.assets_def
    loaded = {
        name: not definition.dagster_type.is_nothing
        for name, definition in asset.op.input_dict.items()
    }
    inputs = []
    for name, upstream in asset.keys_by_input_name.items():
        if upstream not in asset.asset_deps[key]:
            continue
        capture = Capture.READ if loaded.get(name) else Capture.DECLARED
        inputs.append(Consumed(upstream, _partitions_for(context, name), capture))
    return inputs


def _partitions_for(context: dg.AssetExecutionContext, input_name: str) -> tuple[str, ...] | None:
    try:
        return tuple(context.asset_partition_keys_for_input(input_name))
    except (dg.DagsterError, CheckError):
        return None  # the input has no partitions, or a mapping that cannot be resolved here


def _add_input(closure: Closure, consumed: Consumed) -> None:
    if consumed.ambiguous or not consumed.events:
        closure.add_missing(consumed.key, None, consumed.capture)
        return
    for partition in sorted(consumed.events, key=lambda name: name or ""):
        closure.add(consumed.events[partition], consumed.capture)
    if consumed.capture is Capture.READ:
        for partition in consumed.partitions or ():
            if partition not in consumed.events:
                closure.add_missing(consumed.key, partition, consumed.capture)


def known_partitions(keys: Sequence[str]) -> tuple[str, ...]:
    """Return partition keys without repetition, in the caller's order.

    Raises:
        InvalidInputError: There is none.
    """
    if isinstance(keys, str) or not keys:
        raise InvalidInputError(
            "names no partition",
            field="partitions",
            value=keys,
            remedy="Give a list of partition keys, or leave it out for an asset without partitions",
        )
    return tuple(dict.fromkeys(keys))
