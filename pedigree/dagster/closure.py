"""Follow the provenance of a step's inputs down to the sources that are known."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import dagster as dg

from pedigree.dagster import events
from pedigree.dagster.events import AssetEvent
from pedigree.lineage.records import Capture, Certainty, LineageEdge, LineageNode, NodeKind

# An asset that depends on its own former partition is a chain as long as its history.
LEVEL_LIMIT = 100
NODE_LIMIT = 10_000

_Sources: TypeAlias = dict[dg.AssetKey, dict[int, AssetEvent]]


class Closure:
    """The nodes and edges behind one step, found level by level.

    Each level costs one query an asset. What an event's tags name and the log does not hold (any
    more) becomes a node of the kind ``missing``.
    """

    def __init__(self, instance: dg.DagsterInstance, step: LineageNode) -> None:
        self._instance = instance
        self._nodes: list[LineageNode] = [step]
        self._edges: dict[tuple[int, int], LineageEdge] = {}
        self._ids: dict[tuple[str, str | None, int | None], int] = {}
        self._level: list[tuple[int, AssetEvent]] = []

    @property
    def nodes(self) -> tuple[LineageNode, ...]:
        """The step first, then each event once."""
        return tuple(self._nodes)

    @property
    def edges(self) -> tuple[LineageEdge, ...]:
        """Who used what."""
        return tuple(self._edges.values())

    def add(self, event: AssetEvent, capture: Capture, consumer: int = 0) -> None:
        """Say that the consumer used an event; what that one used is resolved later."""
        place = (event.key.to_user_string(), event.partition, event.storage_id)
        if place not in self._ids:
            self._ids[place] = len(self._nodes)
            self._nodes.append(
                LineageNode(
                    node_id=len(self._nodes),
                    kind=event.kind,
                    asset=place[0],
                    partition=event.partition,
                    storage_id=event.storage_id,
                    run_id=event.run_id,
                    data_version=event.data_version,
                    code_version=event.code_version,
                    at=event.at,
                )
            )
            self._level.append((self._ids[place], event))
        self._connect(consumer, self._ids[place], capture)

    def add_missing(
        self,
        key: dg.AssetKey,
        partition: str | None,
        capture: Capture,
        consumer: int = 0,
        *,
        storage_id: int | None = None,
        data_version: str | None = None,
    ) -> None:
        """Say that the consumer used something of which there is no event to look at."""
        # Two consumers may have used different states of it, so each gets a node of its own.
        node_id = len(self._nodes)
        self._nodes.append(
            LineageNode(
                node_id=node_id,
                kind=NodeKind.MISSING,
                asset=key.to_user_string(),
                partition=partition,
                storage_id=storage_id,
                data_version=data_version,
                upstream=None,
            )
        )
        self._connect(consumer, node_id, capture)

    def resolve(self) -> None:
        """Follow the pointers until nothing new is found.

        Where the limits end it, what was not followed is said to be missing.
        """
        for _ in range(LEVEL_LIMIT):
            if not self._level or len(self._nodes) >= NODE_LIMIT:
                break
            level, self._level = self._level, []
            found = self._pointed_to(level)
            used = self._really_used(level, found)
            for node_id, event in level:
                self._add_inputs(node_id, event, found, used)
        for node_id, event in self._level:
            self._add_inputs(node_id, event, defaultdict(dict), {})

    def _pointed_to(self, level: Iterable[tuple[int, AssetEvent]]) -> _Sources:
        wanted: dict[dg.AssetKey, set[int]] = defaultdict(set)
        for _, event in level:
            for key, pointer in event.pointers.items():
                wanted[key].add(pointer)
        return {
            key: events.by_ids(self._instance, key, pointers)
            for key, pointers in sorted(wanted.items())
        }

    def _add_inputs(
        self,
        node_id: int,
        event: AssetEvent,
        found: _Sources,
        used: Mapping[tuple[int, dg.AssetKey], AssetEvent],
    ) -> None:
        for key, pointer in event.pointers.items():
            if right := used.get((node_id, key)):
                self.add(right, Capture.PROVENANCE, node_id)
                continue
            # The event that it names is gone, or is one of many partitions.
            is_there = pointer in found[key]
            self.add_missing(
                key,
                None,
                Capture.PROVENANCE,
                node_id,
                storage_id=None if is_there else pointer,
                data_version=event.input_version(key),
            )
        for key in event.unrecorded_inputs:
            self.add_missing(
                key,
                None,
                Capture.PROVENANCE,
                node_id,
                data_version=event.input_version(key),
            )

    def _really_used(
        self, level: Iterable[tuple[int, AssetEvent]], found: _Sources
    ) -> dict[tuple[int, dg.AssetKey], AssetEvent]:
        """Return the events that were used, where the consumers' tags prove one.

        The pointer to a partitioned input names the newest event of any of its partitions. Which
        one was used shows in the data version beside it: Dagster's hash over those of the
        partitions that the mapping gave. Of one partition, that can be recognized.
        """
        used: dict[tuple[int, dg.AssetKey], AssetEvent] = {}
        doubtful: dict[dg.AssetKey, dict[int, AssetEvent]] = defaultdict(dict)
        for node_id, event in level:
            for key, pointer in event.pointers.items():
                source = found[key].get(pointer)
                if source is None:
                    continue
                if source.partition is None or _is_version_of(source, event.input_version(key)):
                    used[node_id, key] = source
                else:
                    doubtful[key][node_id] = event
        for key, consumers in doubtful.items():
            used.update(self._of_the_same_partition(key, consumers))
        return used

    def _of_the_same_partition(
        self, key: dg.AssetKey, consumers: Mapping[int, AssetEvent]
    ) -> Iterator[tuple[tuple[int, dg.AssetKey], AssetEvent]]:
        places = {
            node_id: (event.partition, event.storage_id)
            for node_id, event in consumers.items()
            if event.partition is not None
        }
        same = events.before(self._instance, key, set(places.values()))
        for node_id, place in places.items():
            source = same.get(place)
            said = consumers[node_id].input_version(key)
            if source is not None and _is_version_of(source, said):
                yield (node_id, key), source

    def _connect(self, consumer: int, source: int, capture: Capture) -> None:
        certainty = Certainty.READ if capture is Capture.READ else Certainty.POSSIBLE
        if self._nodes[source].kind is NodeKind.MISSING:
            certainty = Certainty.UNKNOWN
        edge = LineageEdge(consumer=consumer, source=source, capture=capture, certainty=certainty)
        self._edges.setdefault((consumer, source), edge)


def _is_version_of(event: AssetEvent, said: str | None) -> bool:
    version = event.data_version or ""
    return said == hashlib.sha256(version.encode()).hexdigest()
