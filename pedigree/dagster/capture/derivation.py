"""Derive what a step read from what Dagster recorded about it, with the certainty of each edge.

A step's own record of its reads (:mod:`pedigree.dagster.capture.recorded_reads`) counts as it is.
Without such a record, Dagster has two facts about an input: the newest event of any of its
partitions at the start of the step (the *pointer*), and one data version. For partitions, this
version is Dagster's hash over the versions of all mapped partitions. Dagster does not store the
mapping itself. So:

* a *candidate* is an event that was the newest of its partition at some moment of the step;
* an edge is *proved* if an IO manager loaded the input and exactly one set of candidates matches;
* otherwise every candidate is *possible*. The step may also have read an event that Dagster has
  deleted; if that cannot be ruled out, the asset is *unknown* too.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import dagster as dg

from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.available_inputs import AvailableInputs, is_graph_backed
from pedigree.dagster.capture.event_history import AssetHistory, EventSource
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.input_hash import (
    has_unique_versions,
    matches_version,
    matching_partitions,
)
from pedigree.dagster.capture.recorded_reads import NO_EVENT, Partitions
from pedigree.lineage.records import Certainty, NodeKind

ExistedAtStart: TypeAlias = Callable[[AssetEvent], bool]
"""Return whether an event existed when a step started."""

_Candidates: TypeAlias = Mapping[str | None, tuple[AssetEvent, ...]]


@dataclass(frozen=True)
class DerivedSource:
    """An event that a step read, or may have read.

    ``event`` is None if Dagster has deleted it, or if it is not known which event it was.
    ``is_named`` is False if ``key`` is only the name of an input, and its asset is not known.
    """

    key: dg.AssetKey
    certainty: Certainty
    event: AssetEvent | None = None
    partition: str | None = None
    storage_id: int | None = None
    data_version: str | None = None
    is_named: bool = True


class Derivation:
    """Derives the sources of events.

    Args:
        events: The events.
        graph: The code location's asset graph.
        run_id: The current run: for its own steps the graph's mappings are the ones that apply.
    """

    def __init__(self, events: EventSource, graph: LocationGraph, run_id: str | None) -> None:
        self._events = events
        self._graph = graph
        self._run_id = run_id
        self.available = AvailableInputs(events, graph)

    def prefetch(self, level: Iterable[AssetEvent]) -> None:
        """Look up all events that the records of several events name, in one go."""
        wanted: dict[dg.AssetKey, set[int]] = {}
        for event in level:
            reads = self._events.reads(event)
            for key in reads.keys:
                wanted.setdefault(key, set()).update(_ids(reads.of(key) or {}))
        self._events.prefetch(wanted)

    def sources(self, event: AssetEvent) -> Iterator[DerivedSource]:
        """Yield what the step that made an event read, or may have read."""
        reads = self._events.reads(event)
        for key in sorted(self.available.inputs(event)):
            recorded = reads.of(key)
            if recorded is None:
                yield from self._derived(event, key)
            elif key in reads.stated:
                existed_at_start = self._existed_at_start(event, key)
                partitions = self.with_concurrent(key, recorded, existed_at_start, event.storage_id)
                yield from self.recorded_sources(key, partitions)
            else:
                yield from self.recorded_sources(key, recorded)
        if not reads.complete:
            for name in sorted(self.available.unnamed(event)):
                yield DerivedSource(dg.AssetKey([name]), Certainty.UNKNOWN, is_named=False)

    def recorded_sources(self, key: dg.AssetKey, partitions: Partitions) -> Iterator[DerivedSource]:
        """Yield the sources that a record names: one event is certain, several are possible."""
        self._events.prefetch({key: _ids(partitions)})
        for partition, ids in partitions.items():
            certainty = Certainty.READ if len(ids) == 1 else Certainty.POSSIBLE
            for storage_id in ids:
                if storage_id == NO_EVENT:
                    yield DerivedSource(key, Certainty.UNKNOWN, partition=partition)
                    continue
                event = self._events.by_id(key, storage_id)
                if event is not None and event.partition != partition:
                    event = None  # SQLite reuses the id of a deleted event
                yield DerivedSource(key, certainty, event, partition, storage_id)

    def possible_sources(
        self,
        key: dg.AssetKey,
        existed_at_start: ExistedAtStart,
        mapped: Collection[str] | None = None,
    ) -> Iterator[DerivedSource]:
        """Yield everything that a step may have read of an asset without a recorded read.

        Args:
            key: The asset.
            existed_at_start: Return whether an event existed when the step started.
            mapped: The partitions from the mapping that applied. A body that reads data itself may
                have read others, so the asset is unknown as well.
        """
        history = self._events.history(key)
        candidates = history.candidates(existed_at_start)
        yield from _possible(candidates, mapped)
        if history.partitioned or not candidates or not history.complete:
            yield DerivedSource(key, Certainty.UNKNOWN)

    def with_concurrent(
        self,
        key: dg.AssetKey,
        partitions: Partitions,
        existed_at_start: ExistedAtStart,
        output_id: int | None = None,
    ) -> Partitions:
        """Add the other events that were the newest of these partitions while the step ran."""
        candidates = self._events.history(key).candidates(existed_at_start, output_id)
        return {
            partition: tuple(
                sorted({*ids, *(event.storage_id for event in candidates.get(partition, ()))})
            )
            for partition, ids in partitions.items()
        }

    def _derived(self, event: AssetEvent, key: dg.AssetKey) -> Iterator[DerivedSource]:
        pointer = event.pointers.get(key)
        history = self._events.history(key)
        candidates = history.candidates(self._existed_at_start(event, key), event.storage_id)
        if made_by_step := [
            other for other in history.events if _same_step(other, event) and other.key != event.key
        ]:
            # Made in the same step: the body may not have read it, but there was nothing else.
            yield from (_source(other, Certainty.POSSIBLE) for other in made_by_step)
            return
        deleted = pointer is not None and pointer not in history.ids
        if event.step_key and history.complete and self._is_loaded(event, key):
            proved = self._proved(event, key, candidates, history)
            if proved is not None:
                yield from proved
                return
        yield from _possible(candidates, self._current_mapping(event, key))
        partitioned = history.partitioned or self._graph.is_partitioned(key)
        if partitioned or deleted or pointer is None or not history.complete:
            yield self._unknown(event, key, pointer if deleted else None)

    def _existed_at_start(self, event: AssetEvent, key: dg.AssetKey) -> ExistedAtStart:
        """Return a predicate for whether an event existed when the step started.

        Dagster looks up the pointer before it loads any input. In a graph-backed asset only the
        last op does so, so the start of the first op counts there.
        """
        if event.step_key and (is_graph_backed(event) or not event.has_provenance):
            at = self._events.step(event).started_at or float("-inf")
            return lambda candidate: candidate.at.timestamp() < at
        pointer = event.pointers.get(key, NO_EVENT)
        return lambda candidate: candidate.storage_id <= pointer

    def _is_loaded(self, event: AssetEvent, key: dg.AssetKey) -> bool:
        if not self._graph.is_loaded(event.key, key):
            return False
        if event.run_id == self._run_id:
            return True
        # The definition may be newer than the run, so the run's own log must confirm it.
        loaded = self._events.step(event).loaded
        if is_graph_backed(event):
            return bool(loaded)
        return self._graph.input_name(event.key, key) in loaded

    def _proved(
        self, event: AssetEvent, key: dg.AssetKey, candidates: _Candidates, history: AssetHistory
    ) -> list[DerivedSource] | None:
        pointer = event.pointers.get(key)
        if not history.partitioned:
            return self._proved_unpartitioned(event, key, candidates.get(None, ()))
        if pointer not in history.ids:
            return None
        before = {
            partition: events[0]
            for partition, events in candidates.items()
            if partition is not None and events[0].kind is NodeKind.MATERIALIZATION
        }
        version = event.input_version(key)
        mapped = self._mapped(event, key)
        if mapped is not None and mapped == self._current_mapping(event, key):
            fitting = mapped if matches_version(before, mapped, version) else None
        else:
            fitting = (
                matching_partitions(before, mapped, version)
                if has_unique_versions(before, history)
                else None
            )
        if fitting is None:
            return None
        return [
            *(source for name in fitting for source in _certain(key, name, candidates)),
            # With another mapping than the current one, it may have read partitions without events.
            *([] if fitting == mapped else [self._unknown(event, key)]),
        ]

    def _proved_unpartitioned(
        self, event: AssetEvent, key: dg.AssetKey, candidates: tuple[AssetEvent, ...]
    ) -> list[DerivedSource] | None:
        """Return the only event of an unpartitioned asset that the step can have read."""
        pointer = event.pointers.get(key)
        if [candidate.storage_id for candidate in candidates] == [pointer]:
            return [_source(candidates[0], Certainty.PROVED)]
        if candidates or pointer is None or self._graph.is_partitioned(key) is not False:
            return None
        deleted = self._unknown(event, key, pointer)
        return [replace(deleted, certainty=Certainty.PROVED)]

    def _current_mapping(self, event: AssetEvent, key: dg.AssetKey) -> tuple[str, ...] | None:
        return self._mapped(event, key) if event.run_id == self._run_id else None

    def _mapped(self, event: AssetEvent, key: dg.AssetKey) -> tuple[str, ...] | None:
        made = self._events.step(event).made.get(event.key, [event.partition])
        partitions = [partition for partition in made if partition is not None]
        return self._graph.mapped(event.key, partitions, key)

    def _unknown(
        self, event: AssetEvent, key: dg.AssetKey, storage_id: int | None = None
    ) -> DerivedSource:
        version = event.input_version(key)
        return DerivedSource(key, Certainty.UNKNOWN, storage_id=storage_id, data_version=version)


def _ids(partitions: Partitions) -> set[int]:
    return {i for ids in partitions.values() for i in ids if i != NO_EVENT}


def _source(event: AssetEvent, certainty: Certainty) -> DerivedSource:
    return DerivedSource(event.key, certainty, event, event.partition, event.storage_id)


def _possible(
    candidates: _Candidates, mapped: Collection[str] | None = None
) -> Iterator[DerivedSource]:
    for partition, events in sorted(candidates.items(), key=lambda item: item[0] or ""):
        if mapped is not None and partition is not None and partition not in mapped:
            continue
        yield from (_source(event, Certainty.POSSIBLE) for event in events)


def _certain(
    key: dg.AssetKey, partition: str | None, candidates: _Candidates
) -> list[DerivedSource]:
    """Return the sources of one partition: proved, unless several events are candidates."""
    found = candidates.get(partition, ())
    if not found:
        return [DerivedSource(key, Certainty.UNKNOWN, partition=partition)]
    certainty = Certainty.PROVED if len(found) == 1 else Certainty.POSSIBLE
    return [_source(event, certainty) for event in found]


def _same_step(event: AssetEvent, other: AssetEvent) -> bool:
    return event.run_id == other.run_id and event.step_key == other.step_key
