"""Capture the lineage of a training inside its step.

For a partitioned input, Dagster records the newest event of *any* partition, which may be newer
than the data that the step read. So the capture looks up the events of exactly the partitions that
the step reads, at the start of its body and again at the end.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from pedigree._canonical_json import canonical_json
from pedigree.dagster import metadata_keys
from pedigree.dagster.capture import event_log as events
from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.derivation import Derivation, DerivedSource
from pedigree.dagster.capture.event_history import ArchiveLookup, EventSource, no_archive
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.recorded_reads import NO_EVENT, Partitions, Reads, combined, merged
from pedigree.dagster.capture.run_log import RunLog
from pedigree.dagster.capture.run_provenance import StepContext, makes_partitions, op_context_of
from pedigree.dagster.capture.step_reads import StepReads
from pedigree.dagster.capture.upstream_closure import STEP, Closure
from pedigree.lineage.records import Capture, Certainty, LineageGraph, LineageNode


@dataclass
class StepInput:
    """One input of the step: the partitions it reads, and their events at the start.

    ``partitions`` is None for an input without partitions, or if the partitions are unknown.
    ``chosen`` contains what the body itself read through :class:`ModelInputs`.
    """

    key: dg.AssetKey
    partitions: tuple[str, ...] | None
    capture: Capture
    events: dict[str | None, AssetEvent] = field(default_factory=dict)
    chosen: Partitions = field(default_factory=dict)
    raced: bool = False

    @property
    def ambiguous(self) -> bool:
        """Whether the input has partitions, but it is unknown which of them were read."""
        return self.partitions is None and any(name is not None for name in self.events)

    @property
    def at_start(self) -> Partitions:
        """The events of its partitions when they were looked up."""
        names: Sequence[str | None] = (None,) if self.partitions is None else self.partitions
        return {
            name: (self.events[name].storage_id if name in self.events else NO_EVENT,)
            for name in names
        }


class LineageCapture:
    """The inputs of one step, captured from its body's start to its end.

    Every input of the step counts, whichever output declares it: the body has access to all.

    Args:
        context: The step's context.
        key: The model's asset; None if the step registers a model that is not one of its assets.
        archive: Looks up the registry's copies of events that Dagster may have deleted.
    """

    def __init__(
        self, context: StepContext, key: dg.AssetKey | None, archive: ArchiveLookup = no_archive
    ) -> None:
        self._instance = context.instance
        self._context = context
        self._key = key
        self._events = EventSource(context.instance, archive)
        self._graph = LocationGraph.of_step(context)
        self.inputs: dict[dg.AssetKey, StepInput] = {}
        for step_input in _inputs_of(context, self._graph):
            step_input.events = StepReads.of(context).state(step_input.key, step_input.partitions)
            self.inputs[step_input.key] = step_input

    def declare(self, keys: Iterable[dg.AssetKey]) -> None:
        """Add inputs that the caller names, in their current state."""
        for key in keys:
            step_input = StepInput(key, None, Capture.DECLARED)
            step_input.events = self._look_up(step_input)
            self.inputs.setdefault(key, step_input)

    def read(
        self,
        key: dg.AssetKey,
        partitions: Sequence[str] | None,
        found: Mapping[str | None, AssetEvent],
    ) -> None:
        """Record that the body read exactly these partitions of an input."""
        names = tuple(partitions) if partitions is not None else None
        read = StepInput(key, names, Capture.READ, dict(found))
        existing = self.inputs.get(key)
        if existing is None or not existing.chosen:
            read.chosen = read.at_start
            self.inputs[key] = read
            return
        for partition, event in found.items():
            if existing.events.setdefault(partition, event).storage_id != event.storage_id:
                existing.raced = True
        existing.chosen = merged(existing.chosen, read.at_start)
        if names is not None:
            existing.partitions = tuple(dict.fromkeys([*(existing.partitions or ()), *names]))

    def finish(self, step: LineageNode, started: "StepStart") -> LineageGraph:
        """Look up every input again, and return the graph down to the known sources."""
        for step_input in self.inputs.values():
            step_input.raced |= self._look_up(step_input) != step_input.events
            step_input.raced |= any(started.precedes(event) for event in step_input.events.values())
            self._events.remember(step_input.events.values())
        closure = Closure(self._events, self._graph, step)
        reads = self._recorded(step)
        for key in sorted({*self.inputs, *reads.keys}):
            closure.add(*self._sources(closure.derivation, key, reads, started))
        self._add_siblings(closure, step)
        closure.resolve()
        return LineageGraph(
            nodes=closure.nodes,
            edges=closure.edges,
            raced=any(step_input.raced for step_input in self.inputs.values()),
        )

    def reads(self) -> Reads:
        """Return what the step certainly read, for its own materialization."""
        found = Reads()
        for key, step_input in self.inputs.items():
            if step_input.chosen:
                found.add("loaded", key, step_input.chosen)
            elif step_input.capture is Capture.READ and not (
                step_input.ambiguous or step_input.raced
            ):
                found.add("loaded", key, step_input.at_start)
        found.update(StepReads.of(self._context).reads)
        return found

    def input_tags(self) -> dict[str, str]:
        """Return the event tags that correct Dagster's own provenance."""
        tags: dict[str, str] = {}
        for step_input in self.inputs.values():
            if step_input.events and not step_input.ambiguous:
                tags |= event_tags(step_input.key, step_input.events.values())
        return tags

    def _look_up(self, step_input: StepInput) -> dict[str | None, AssetEvent]:
        return events.latest(self._instance, step_input.key, step_input.partitions)

    def _recorded(self, step: LineageNode) -> Reads:
        """Return the reads that the step's IO managers and its body have recorded."""
        here = StepReads.of(self._context).reads
        step_key = str(op_context_of(self._context).op_handle)
        if "." not in step_key or step.run_id is None:
            return here
        return combined([here, *RunLog(self._instance, step.run_id).step(step_key).reads])

    def _sources(
        self, derivation: Derivation, key: dg.AssetKey, reads: Reads, started: "StepStart"
    ) -> tuple[Iterable[DerivedSource], Capture]:
        """Return what was read of one input, and how it was captured."""
        step_input = self.inputs.get(key)
        recorded = reads.of(key)
        if step_input is not None and step_input.chosen:
            return derivation.recorded_sources(key, step_input.chosen), Capture.READ
        if recorded is not None:
            if key in reads.stated:
                recorded = derivation.with_concurrent(key, recorded, started.follows)
            return derivation.recorded_sources(key, recorded), Capture.READ
        if step_input is None or step_input.capture is not Capture.READ or step_input.ambiguous:
            capture = step_input.capture if step_input else Capture.READ
            partitions = step_input.partitions if step_input else None
            return derivation.possible_sources(key, started.follows, partitions), capture
        found = step_input.at_start
        if step_input.raced:
            found = derivation.with_concurrent(key, found, started.follows)
        return derivation.recorded_sources(key, found), Capture.READ

    def _add_siblings(self, closure: Closure, step: LineageNode) -> None:
        """Add the assets that the model's asset depends on and that the same step makes."""
        declared = _declared_siblings(self._context, self._key)
        step_key = str(op_context_of(self._context).op_handle)
        inputs = closure.inputs_of(STEP)
        nodes: dict[dg.AssetKey, int] = {}
        for key in sorted(declared):
            made = [e for e in self._events.history(key).events if _is_from(e, step, step_key)]
            if made:
                sources = [DerivedSource(key, Certainty.POSSIBLE, made[0], made[0].partition)]
                closure.add(sources, Capture.DECLARED)
            else:
                nodes[key] = closure.add_sibling(key, step.partition, step.run_id)
        for key, node in nodes.items():
            wanted = {parent.to_user_string() for parent in declared[key]}
            for edge in inputs:
                if closure.nodes[edge.source].asset in wanted:
                    closure.repeat(edge, node)


@dataclass(frozen=True)
class StepStart:
    """When a step started: the storage id of its start event, or the time if ids are not global.

    On SQLite the ids of a run's events count per run, so the clock decides there.
    """

    storage_id: int | None
    timestamp: float

    @classmethod
    def of(cls, instance: dg.DagsterInstance, run_id: str, step_key: str) -> "StepStart":
        """Read a step's start from the event log."""
        # A step that is retried starts again, and reads its inputs again.
        starts = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED}
        records = instance.get_records_for_run(run_id, of_type=starts, ascending=False).records
        for record in records:
            if record.event_log_entry.step_key == step_key:
                sharded = instance.event_log_storage.is_run_sharded
                return cls(None if sharded else record.storage_id, record.timestamp)
        return cls(None, float("inf"))

    def follows(self, event: AssetEvent) -> bool:
        """Return whether an event existed when the step started."""
        return not self.precedes(event)

    def precedes(self, event: AssetEvent) -> bool:
        """Return whether an event was recorded after the step started."""
        if self.storage_id is not None:
            return event.storage_id > self.storage_id
        return event.at.timestamp() > self.timestamp


def event_tags(key: dg.AssetKey, used: Collection[AssetEvent]) -> dict[str, str]:
    """Return the tags that pin an input to exactly these events.

    Dagster stores one event and one data version per input. For partitions it stores the hash of
    their versions in the order of their names. This does the same, so that Dagster's own staleness
    comparison stays correct.
    """
    newest = max(used, key=lambda event: event.storage_id)
    name = key.to_user_string()
    versions = [
        event.data_version or "" for event in sorted(used, key=lambda event: event.partition or "")
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
    """Return one digest over the data versions of all direct inputs; None without inputs."""
    inputs = sorted(
        (node.asset, node.partition or "", node.data_version or "") for node, _ in graph.inputs()
    )
    if not inputs:
        return None
    canonical = canonical_json([list(fields) for fields in inputs])
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"


def _inputs_of(context: StepContext, graph: LocationGraph) -> Iterator[StepInput]:
    """Yield the inputs of the step's asset; none in an op of a plain job."""
    asset = op_context_of(context).get_step_execution_context().assets_def
    if asset is None:
        return
    partitions = context.partition_keys if makes_partitions(context) else ()
    consumer = min(asset.keys)
    for upstream in sorted(set(asset.node_keys_by_input_name.values())):
        mapped = graph.mapped(consumer, partitions, upstream)
        loaded = graph.is_loaded(consumer, upstream)
        yield StepInput(upstream, mapped, Capture.READ if loaded else Capture.DECLARED)


def _declared_siblings(
    context: StepContext, key: dg.AssetKey | None
) -> dict[dg.AssetKey, frozenset[dg.AssetKey]]:
    """Return the assets of the same step that an asset depends on, with their dependencies."""
    asset = op_context_of(context).get_step_execution_context().assets_def
    found: dict[dg.AssetKey, frozenset[dg.AssetKey]] = {}
    left = [key] if asset is not None and key is not None else []
    while asset is not None and left:
        inside = (asset.asset_deps[left.pop()] & asset.keys) - {key, *found}
        found |= {sibling: frozenset(asset.asset_deps[sibling]) for sibling in inside}
        left += inside
    return found


def _is_from(event: AssetEvent, step: LineageNode, step_key: str) -> bool:
    """Return whether the step itself made an event."""
    made = (event.run_id, event.step_key) == (step.run_id, step_key)
    return made and event.partition in (None, step.partition)
