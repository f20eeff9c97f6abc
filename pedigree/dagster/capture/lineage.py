"""Capture, inside the step, what a training is made from.

Dagster's own record of a step's inputs names, for a partitioned input, the newest event of *any*
partition, and may name an event newer than the data that was read. So the events of exactly the
partitions that the step reads are looked up when its body starts and again when it ends.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import rfc8785

from pedigree.dagster import metadata_keys
from pedigree.dagster.capture import event_log as events
from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.derivation import Derivation, DerivedSource
from pedigree.dagster.capture.event_history import EventSource, Kept, nothing_kept
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.recorded_reads import NO_EVENT, Partitions, Reads, collected, merged
from pedigree.dagster.capture.run_log import RunLog
from pedigree.dagster.capture.run_provenance import StepContext, makes_partitions, op_context_of
from pedigree.dagster.capture.step_reads import StepReads
from pedigree.dagster.capture.upstream_closure import STEP, Closure
from pedigree.lineage.records import Capture, Certainty, LineageGraph, LineageNode


@dataclass
class Consumed:
    """One input of the step: the partitions it reads, and the events they had at the start.

    ``partitions`` is None for an input without partitions, or whose partitions nobody here knows.
    ``chosen`` has what the body itself read through :class:`ModelInputs`, as it was read.
    """

    key: dg.AssetKey
    partitions: tuple[str, ...] | None
    capture: Capture
    events: dict[str | None, AssetEvent] = field(default_factory=dict)
    chosen: Partitions = field(default_factory=dict)
    raced: bool = False

    @property
    def ambiguous(self) -> bool:
        """The input turned out to have partitions, and which of them were read is not known."""
        return self.partitions is None and any(name is not None for name in self.events)

    @property
    def at_start(self) -> Partitions:
        """The events that its partitions had when they were looked up."""
        names: Sequence[str | None] = (None,) if self.partitions is None else self.partitions
        return {
            name: (self.events[name].storage_id if name in self.events else NO_EVENT,)
            for name in names
        }


class LineageCapture:
    """The inputs of one step, watched from its body's start to its end.

    Every input of the step counts, whichever of its outputs declares it: the body sees them all.

    Args:
        context: The step's context.
        key: The model's asset; None where the step registers a model beside what it makes.
        kept: The registry's copies of events that Dagster may have deleted.
    """

    def __init__(
        self, context: StepContext, key: dg.AssetKey | None, kept: Kept = nothing_kept
    ) -> None:
        self._instance = context.instance
        self._context = context
        self._key = key
        self._events = EventSource(context.instance, kept)
        self._graph = LocationGraph.of_step(context)
        self.consumed: dict[dg.AssetKey, Consumed] = {}
        for consumed in _inputs_of(context, self._graph):
            consumed.events = self._look_up(consumed)
            self.consumed[consumed.key] = consumed

    def declare(self, keys: Iterable[dg.AssetKey]) -> None:
        """Add inputs that the caller names, as they stand now."""
        for key in keys:
            consumed = Consumed(key, None, Capture.DECLARED)
            consumed.events = self._look_up(consumed)
            self.consumed.setdefault(key, consumed)

    def read(
        self,
        key: dg.AssetKey,
        partitions: Sequence[str] | None,
        found: Mapping[str | None, AssetEvent],
    ) -> None:
        """Record that the body read exactly these partitions of an input."""
        names = tuple(partitions) if partitions is not None else None
        read = Consumed(key, names, Capture.READ, dict(found))
        known = self.consumed.get(key)
        if known is None or not known.chosen:
            read.chosen = read.at_start
            self.consumed[key] = read
            return
        for partition, event in found.items():
            if known.events.setdefault(partition, event).storage_id != event.storage_id:
                known.raced = True
        known.chosen = merged(known.chosen, read.at_start)
        if names is not None:
            known.partitions = tuple(dict.fromkeys([*(known.partitions or ()), *names]))

    def finish(self, step: LineageNode, started: "StepStart") -> LineageGraph:
        """Look again at every input, and return the graph down to the known sources."""
        for consumed in self.consumed.values():
            consumed.raced |= self._look_up(consumed) != consumed.events
            consumed.raced |= any(started.precedes(event) for event in consumed.events.values())
            self._events.know(consumed.events.values())
        closure = Closure(self._events, self._graph, step)
        reads = self._recorded(step)
        for key in sorted({*self.consumed, *reads.keys}):
            closure.add(*self._sources(closure.derivation, key, reads, started))
        self._add_siblings(closure, step)
        closure.resolve()
        return LineageGraph(
            nodes=closure.nodes,
            edges=closure.edges,
            raced=any(consumed.raced for consumed in self.consumed.values()),
        )

    def reads(self) -> Reads:
        """Return what the step certainly read, for its own materialization."""
        found = Reads()
        for key, consumed in self.consumed.items():
            if consumed.chosen:
                found.add("loaded", key, consumed.chosen)
            elif consumed.capture is Capture.READ and not (consumed.ambiguous or consumed.raced):
                found.add("loaded", key, consumed.at_start)
        found.update(StepReads.of(self._context).reads)
        return found

    def pinned_tags(self) -> dict[str, str]:
        """Return the event tags that put Dagster's own provenance right."""
        tags: dict[str, str] = {}
        for consumed in self.consumed.values():
            if consumed.events and not consumed.ambiguous:
                tags |= pinned(consumed.key, consumed.events.values())
        return tags

    def _look_up(self, consumed: Consumed) -> dict[str | None, AssetEvent]:
        return events.latest(self._instance, consumed.key, consumed.partitions)

    def _recorded(self, step: LineageNode) -> Reads:
        """Return what the step's IO managers and its body have recorded of its reads."""
        here = StepReads.of(self._context).reads
        step_key = str(op_context_of(self._context).op_handle)
        if "." not in step_key or step.run_id is None:
            return here
        return collected([here, *RunLog(self._instance, step.run_id).step(step_key).reads])

    def _sources(
        self, derivation: Derivation, key: dg.AssetKey, reads: Reads, started: "StepStart"
    ) -> tuple[Iterable[DerivedSource], Capture]:
        """Return what was read of one input, and how that is known."""
        consumed = self.consumed.get(key)
        recorded = reads.of(key)
        if consumed is not None and consumed.chosen:
            return derivation.recorded(key, consumed.chosen), Capture.READ
        if recorded is not None:
            if key in reads.stated:
                recorded = derivation.widened(key, recorded, started.follows)
            return derivation.recorded(key, recorded), Capture.READ
        if consumed is None or consumed.capture is not Capture.READ or consumed.ambiguous:
            capture = consumed.capture if consumed else Capture.READ
            partitions = consumed.partitions if consumed else None
            return derivation.everything(key, started.follows, partitions), capture
        found = consumed.at_start
        if consumed.raced:
            found = derivation.widened(key, found, started.follows)
        return derivation.recorded(key, found), Capture.READ

    def _add_siblings(self, closure: Closure, step: LineageNode) -> None:
        """Add what the model's asset depends on and the step itself makes."""
        declared = _declared_siblings(self._context, self._key)
        step_key = str(op_context_of(self._context).op_handle)
        inputs = closure.inputs_of(STEP)
        nodes: dict[dg.AssetKey, int] = {}
        for key in sorted(declared):
            made = [e for e in self._events.history(key).events if _is_of(e, step, step_key)]
            if made:
                sources = [DerivedSource(key, Certainty.POSSIBLE, made[0], made[0].partition)]
                closure.add(sources, Capture.DECLARED)
            else:
                nodes[key] = closure.add_sibling(key, step.partition, step.run_id)
        for key, node in nodes.items():
            wanted = {each.to_user_string() for each in declared[key]}
            for edge in inputs:
                if closure.nodes[edge.source].asset in wanted:
                    closure.repeat(edge, node)


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

    def follows(self, event: AssetEvent) -> bool:
        """Say whether an event was there when the step began."""
        return not self.precedes(event)

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
        metadata_keys.INPUT_POINTER + name: str(newest.storage_id),
        metadata_keys.INPUT_DATA_VERSION + name: version,
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


def _inputs_of(context: StepContext, graph: LocationGraph) -> Iterator[Consumed]:
    """Give the inputs of the step's asset; none in an op of another job."""
    asset = op_context_of(context).get_step_execution_context().assets_def
    if asset is None:
        return
    partitions = context.partition_keys if makes_partitions(context) else ()
    consumer = min(asset.keys)
    for upstream in sorted(set(asset.node_keys_by_input_name.values())):
        mapped = graph.mapped(consumer, partitions, upstream)
        loaded = graph.is_loaded(consumer, upstream)
        yield Consumed(upstream, mapped, Capture.READ if loaded else Capture.DECLARED)


def _declared_siblings(
    context: StepContext, key: dg.AssetKey | None
) -> dict[dg.AssetKey, frozenset[dg.AssetKey]]:
    """Return the assets of the same step that one depends on, each with what it depends on."""
    asset = op_context_of(context).get_step_execution_context().assets_def
    found: dict[dg.AssetKey, frozenset[dg.AssetKey]] = {}
    left = [key] if asset is not None and key is not None else []
    while asset is not None and left:
        inside = (asset.asset_deps[left.pop()] & asset.keys) - {key, *found}
        found |= {each: frozenset(asset.asset_deps[each]) for each in inside}
        left += inside
    return found


def _is_of(event: AssetEvent, step: LineageNode, step_key: str) -> bool:
    """Say whether the step itself has made an event."""
    made = (event.run_id, event.step_key) == (step.run_id, step_key)
    return made and event.partition in (None, step.partition)
