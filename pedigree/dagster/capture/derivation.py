"""Derive what a step read from what Dagster recorded of it, and how certain that is.

What a step recorded when it read (:mod:`pedigree.dagster.capture.recorded_reads`) is taken as it
is. Without such a record only this is known of an input: the newest event of any of its partitions
when the step began (the *pointer*), and one data version, for partitions Dagster's hash over those
of all partitions that the mapping gave. The mapping itself is not kept. So:

* a *candidate* is an event that was the newest of its partition at some moment of the step;
* an edge is *proved* where an IO manager loaded the input and exactly one set of candidates fits;
* else every candidate is *possible*. An event that Dagster has deleted may have been read as well,
  and where that cannot be ruled out the asset is *unknown* too.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import dagster as dg

from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.event_history import AssetHistory, EventSource
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.input_hash import fitting_set, is_distinct, is_version_of
from pedigree.dagster.capture.recorded_reads import NO_EVENT, Partitions, Reads
from pedigree.lineage.records import Certainty, NodeKind

Began: TypeAlias = Callable[[AssetEvent], bool]
"""Whether an event was there when a step began."""

_Candidates: TypeAlias = Mapping[str | None, tuple[AssetEvent, ...]]


@dataclass(frozen=True)
class DerivedSource:
    """Something that a step read, or may have read.

    ``event`` is None where Dagster has it no more, or where it is not known which it was.
    """

    key: dg.AssetKey
    certainty: Certainty
    event: AssetEvent | None = None
    partition: str | None = None
    storage_id: int | None = None
    data_version: str | None = None


class Derivation:
    """Finds the sources of events.

    Args:
        events: Where events are looked up.
        graph: The code location's asset graph.
        run_id: The run that asks: for its own steps the graph's mappings are those in force.
    """

    def __init__(self, events: EventSource, graph: LocationGraph, run_id: str | None) -> None:
        self._events = events
        self._graph = graph
        self._run_id = run_id

    def prefetch(self, level: Iterable[AssetEvent]) -> None:
        """Look up together what the records of several events name."""
        wanted: dict[dg.AssetKey, set[int]] = {}
        for event in level:
            reads = self._events.reads(event)
            for key in reads.keys:
                wanted.setdefault(key, set()).update(_ids(reads.of(key) or {}))
        self._events.prefetch(wanted)

    def sources(self, event: AssetEvent) -> Iterator[DerivedSource]:
        """Give what the step that made an event read, or may have read."""
        reads = self._events.reads(event)
        for key in sorted(self._inputs(event, reads)):
            recorded = reads.of(key)
            if recorded is None:
                yield from self._derived(event, key)
            elif key in reads.stated:
                began = self._began(event, key)
                widened = self.widened(key, recorded, began, event.storage_id)
                yield from self.recorded(key, widened)
            else:
                yield from self.recorded(key, recorded)

    def recorded(self, key: dg.AssetKey, partitions: Partitions) -> Iterator[DerivedSource]:
        """Give the sources that a record names: one event is certain, several are possible."""
        self._events.prefetch({key: _ids(partitions)})
        for partition, ids in partitions.items():
            certainty = Certainty.READ if len(ids) == 1 else Certainty.POSSIBLE
            for storage_id in ids:
                if storage_id == NO_EVENT:
                    yield DerivedSource(key, Certainty.UNKNOWN, partition=partition)
                    continue
                event = self._events.by_id(key, storage_id)
                if event is not None and event.partition != partition:
                    event = None  # SQLite gives the id of a deleted event again
                yield DerivedSource(key, certainty, event, partition, storage_id)

    def everything(
        self, key: dg.AssetKey, began: Began, mapped: Collection[str] | None = None
    ) -> Iterator[DerivedSource]:
        """Give all that a step may have read of an asset where no read was recorded.

        Args:
            key: The asset.
            began: Whether an event was there when the step began.
            mapped: The partitions that the mapping in force gave. A body that reads by itself may
                have read others, so the asset stays unknown as well.
        """
        history = self._events.history(key)
        candidates = history.candidates(began)
        yield from _possible(candidates, mapped)
        if history.partitioned or not candidates or not history.complete:
            yield DerivedSource(key, Certainty.UNKNOWN)

    def widened(
        self, key: dg.AssetKey, partitions: Partitions, began: Began, ended: int | None = None
    ) -> Partitions:
        """Add to what was read the other events that were the newest while the step ran."""
        candidates = self._events.history(key).candidates(began, ended)
        return {
            partition: tuple(
                sorted({*ids, *(event.storage_id for event in candidates.get(partition, ()))})
            )
            for partition, ids in partitions.items()
        }

    def _inputs(self, event: AssetEvent, reads: Reads) -> set[dg.AssetKey]:
        """Return all assets that the step that made an event may have read.

        The body of a step sees every input of the step, whichever of them an output declares.
        """
        if reads.complete:
            return set(reads.keys)
        inputs = {*event.pointers, *event.unrecorded_inputs, *reads.keys}
        made = self._graph.siblings(event.key)
        if event.step_key and (len(made) > 1 or not self._graph.has(event.key)):
            step = self._events.step(event)
            inputs |= step.inputs - set(step.made)
        if not event.has_provenance:
            # Reported from outside any run, or yielded by the body itself.
            inputs |= self._graph.step_inputs(event.key)
        return inputs

    def _derived(self, event: AssetEvent, key: dg.AssetKey) -> Iterator[DerivedSource]:
        pointer = event.pointers.get(key)
        history = self._events.history(key)
        candidates = history.candidates(self._began(event, key), event.storage_id)
        if made_by_step := [
            each for each in history.events if _same_step(each, event) and each.key != event.key
        ]:
            # Made in the same step: the body need not have read it, and nothing else was there.
            yield from (_source(each, Certainty.POSSIBLE) for each in made_by_step)
            return
        deleted = pointer is not None and pointer not in history.ids
        if event.step_key and history.complete and self._is_loaded(event, key):
            proved = self._proved(event, key, candidates, history)
            if proved is not None:
                yield from proved
                return
        yield from _possible(candidates, self._in_force(event, key))
        partitioned = history.partitioned or self._graph.is_partitioned(key)
        if partitioned or deleted or pointer is None or not history.complete:
            yield self._unknown(event, key, pointer if deleted else None)

    def _began(self, event: AssetEvent, key: dg.AssetKey) -> Began:
        """Return how to tell whether an event was there when the step began.

        The pointer is looked up before any input is loaded; in a graph-backed asset only by the
        last op, so there the start of its first op counts.
        """
        if event.step_key and ("." in event.step_key or not event.has_provenance):
            at = self._events.step(event).began or float("-inf")
            return lambda one: one.at.timestamp() < at
        pointer = event.pointers.get(key, NO_EVENT)
        return lambda one: one.storage_id <= pointer

    def _is_loaded(self, event: AssetEvent, key: dg.AssetKey) -> bool:
        if not self._graph.is_loaded(event.key, key):
            return False
        if event.run_id == self._run_id:
            return True
        # The definition may be newer than the run, so the run's own log has to agree.
        loaded = self._events.step(event).loaded
        in_graph = bool(event.step_key and "." in event.step_key)
        return bool(loaded) if in_graph else self._graph.input_name(event.key, key) in loaded

    def _proved(
        self, event: AssetEvent, key: dg.AssetKey, candidates: _Candidates, history: AssetHistory
    ) -> list[DerivedSource] | None:
        pointer = event.pointers.get(key)
        if not history.partitioned:
            return self._proved_whole(event, key, candidates.get(None, ()))
        if pointer not in history.ids:
            return None
        before = {
            partition: each[0]
            for partition, each in candidates.items()
            if partition is not None and each[0].kind is NodeKind.MATERIALIZATION
        }
        version = event.input_version(key)
        mapped = self._mapped(event, key)
        if mapped is not None and mapped == self._in_force(event, key):
            fitting = mapped if is_version_of(before, mapped, version) else None
        else:
            fitting = fitting_set(before, mapped, version) if is_distinct(before, history) else None
        if fitting is None:
            return None
        return [
            *(source for name in fitting for source in _certain(key, name, candidates)),
            # By another mapping than that of now, partitions without an event may have been read.
            *([] if fitting == mapped else [self._unknown(event, key)]),
        ]

    def _proved_whole(
        self, event: AssetEvent, key: dg.AssetKey, candidates: tuple[AssetEvent, ...]
    ) -> list[DerivedSource] | None:
        """Return the one event of an asset without partitions that the step can have read."""
        pointer = event.pointers.get(key)
        if [each.storage_id for each in candidates] == [pointer]:
            return [_source(candidates[0], Certainty.PROVED)]
        if candidates or pointer is None or self._graph.is_partitioned(key) is not False:
            return None
        deleted = self._unknown(event, key, pointer)
        return [replace(deleted, certainty=Certainty.PROVED)]

    def _in_force(self, event: AssetEvent, key: dg.AssetKey) -> tuple[str, ...] | None:
        return self._mapped(event, key) if event.run_id == self._run_id else None

    def _mapped(self, event: AssetEvent, key: dg.AssetKey) -> tuple[str, ...] | None:
        made = self._events.step(event).made.get(event.key, [event.partition])
        partitions = [each for each in made if each is not None]
        return self._graph.mapped(event.key, partitions, key)

    def _unknown(
        self, event: AssetEvent, key: dg.AssetKey, storage_id: int | None = None
    ) -> DerivedSource:
        version = event.input_version(key)
        return DerivedSource(key, Certainty.UNKNOWN, storage_id=storage_id, data_version=version)


def _ids(partitions: Partitions) -> set[int]:
    return {each for ids in partitions.values() for each in ids if each != NO_EVENT}


def _source(event: AssetEvent, certainty: Certainty) -> DerivedSource:
    return DerivedSource(event.key, certainty, event, event.partition, event.storage_id)


def _possible(
    candidates: _Candidates, mapped: Collection[str] | None = None
) -> Iterator[DerivedSource]:
    for partition, each in sorted(candidates.items(), key=lambda item: item[0] or ""):
        if mapped is not None and partition is not None and partition not in mapped:
            continue
        yield from (_source(event, Certainty.POSSIBLE) for event in each)


def _certain(
    key: dg.AssetKey, partition: str | None, candidates: _Candidates
) -> list[DerivedSource]:
    """Return the sources of one partition: proved, unless another event came meanwhile."""
    found = candidates.get(partition, ())
    if not found:
        return [DerivedSource(key, Certainty.UNKNOWN, partition=partition)]
    certainty = Certainty.PROVED if len(found) == 1 else Certainty.POSSIBLE
    return [_source(event, certainty) for event in found]


def _same_step(one: AssetEvent, other: AssetEvent) -> bool:
    return one.run_id == other.run_id and one.step_key == other.step_key
