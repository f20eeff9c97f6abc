"""Follow the provenance of a step's inputs down to the sources that are known."""

import hashlib
from collections import defaultdict

import dagster as dg

from pedigree.dagster import events
from pedigree.dagster.events import AssetEvent
from pedigree.lineage.records import Capture, LineageEdge, LineageNode, NodeKind

# An asset that depends on its own former partition is a chain as long as its history.
NODE_LIMIT = 2000


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
            )
        )
        self._connect(consumer, node_id, capture)

    def resolve(self) -> None:
        """Follow the pointers until nothing new is found."""
        while self._level and len(self._nodes) < NODE_LIMIT:
            level, self._level = self._level, []
            wanted: dict[dg.AssetKey, set[int]] = defaultdict(set)
            for _, event in level:
                for key, pointer in event.pointers.items():
                    wanted[key].add(pointer)
            found = {
                key: events.by_ids(self._instance, key, pointers)
                for key, pointers in sorted(wanted.items())
            }
            for node_id, event in level:
                self._add_inputs(node_id, event, found)

    def _add_inputs(
        self,
        node_id: int,
        event: AssetEvent,
        found: dict[dg.AssetKey, dict[int, AssetEvent]],
    ) -> None:
        for key, pointer in event.pointers.items():
            said = event.input_version(key)
            source = found[key].get(pointer)
            if source is None:
                self.add_missing(
                    key,
                    None,
                    Capture.PROVENANCE,
                    node_id,
                    storage_id=pointer,
                    data_version=said,
                )
            elif right := self._really_used(event, source, said):
                self.add(right, Capture.PROVENANCE, node_id)
            else:
                self.add_missing(key, None, Capture.PROVENANCE, node_id, data_version=said)
        for key in event.unrecorded_inputs:
            self.add_missing(
                key,
                None,
                Capture.PROVENANCE,
                node_id,
                data_version=event.input_version(key),
            )

    def _really_used(
        self, consumer: AssetEvent, pointed: AssetEvent, said: str | None
    ) -> AssetEvent | None:
        """Return the event that was used, if the consumer's tags prove one.

        The pointer to a partitioned input names the newest event of any of its partitions. Which
        one was used shows in the data version beside it: Dagster's hash over those of the
        partitions that the mapping gave. Of one partition, that can be recognized.
        """
        if pointed.partition is None or _is_version_of(pointed, said):
            return pointed
        if consumer.partition is None:
            return None
        same = events.before(self._instance, pointed.key, consumer.partition, consumer.storage_id)
        return same if same is not None and _is_version_of(same, said) else None

    def _connect(self, consumer: int, source: int, capture: Capture) -> None:
        self._edges.setdefault(
            (consumer, source), LineageEdge(consumer=consumer, source=source, capture=capture)
        )


def _is_version_of(event: AssetEvent, said: str | None) -> bool:
    version = event.data_version or ""
    return said == hashlib.sha256(version.encode()).hexdigest()
