"""Follow what a step read down to the sources that are known."""

from collections.abc import Iterable
from functools import cache

import dagster as dg

from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.derivation import Derivation, DerivedSource
from pedigree.dagster.capture.event_history import EventSource
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.lineage.records import Capture, Certainty, LineageEdge, LineageNode, NodeKind

# An asset that depends on its own former partition is a chain as long as its history.
LEVEL_LIMIT = 100
NODE_LIMIT = 10_000

STEP = 0
"""The node of the step itself."""


class Closure:
    """The nodes and edges upstream of one step, found level by level.

    What is not known becomes a node of the kind ``missing``, which names all assets upstream of it.

    Args:
        events: Where events are looked up.
        graph: The code location's asset graph.
        step: The step's node.
    """

    def __init__(self, events: EventSource, graph: LocationGraph, step: LineageNode) -> None:
        self._events = events
        self._graph = graph
        self.derivation = Derivation(events, graph, step.run_id)
        self._nodes: list[LineageNode] = [step]
        self._edges: dict[tuple[int, int], LineageEdge] = {}
        self._ids: dict[tuple[object, ...], int] = {}
        self._level: list[tuple[int, AssetEvent]] = []
        self.ancestors = cache(self._ancestors)

    @property
    def nodes(self) -> tuple[LineageNode, ...]:
        """The step first, then each event once."""
        return tuple(self._nodes)

    @property
    def edges(self) -> tuple[LineageEdge, ...]:
        """Who used what."""
        return tuple(self._edges.values())

    def add(self, sources: Iterable[DerivedSource], capture: Capture, consumer: int = STEP) -> None:
        """Say what a consumer used; what that is made of is resolved later."""
        for source in sources:
            known = source.event is not None
            node = self._event_node(source.event) if source.event else self._missing_node(source)
            certainty = source.certainty if known or source.storage_id else Certainty.UNKNOWN
            if capture is Capture.DECLARED:
                certainty = min(certainty, Certainty.POSSIBLE, key=lambda each: each.rank)
            self._connect(consumer, node, capture, certainty)

    def add_sibling(self, key: dg.AssetKey, partition: str | None, run_id: str | None) -> int:
        """Add an asset that the step itself makes and whose event is not recorded yet."""
        node = self._node(
            NodeKind.MISSING, key.to_user_string(), partition, None, run_id=run_id, upstream=()
        )
        self._connect(STEP, node, Capture.DECLARED, Certainty.POSSIBLE)
        return node

    def inputs_of(self, consumer: int) -> tuple[LineageEdge, ...]:
        """Return the edges from a consumer to what it used."""
        return tuple(edge for edge in self._edges.values() if edge.consumer == consumer)

    def repeat(self, edge: LineageEdge, consumer: int) -> None:
        """Say that another consumer used the source of an edge as well, as the graph declares."""
        certainty = min(edge.certainty, Certainty.POSSIBLE, key=lambda each: each.rank)
        self._connect(consumer, edge.source, Capture.DECLARED, certainty)

    def resolve(self) -> None:
        """Follow the events until nothing new is found.

        Where the limits end it, what was not followed is said to be unknown.
        """
        for _ in range(LEVEL_LIMIT):
            if not self._level or len(self._nodes) >= NODE_LIMIT:
                break
            level, self._level = self._level, []
            self.derivation.prefetch([event for _, event in level])
            for node, event in level:
                self.add(self.derivation.sources(event), Capture.PROVENANCE, node)
        for node, event in self._level:
            inputs = {*event.pointers, *event.unrecorded_inputs, *self._events.reads(event).keys}
            unknown = (
                DerivedSource(key, Certainty.UNKNOWN, data_version=event.input_version(key))
                for key in sorted(inputs)
            )
            self.add(unknown, Capture.PROVENANCE, node)

    def _event_node(self, event: AssetEvent) -> int:
        count = len(self._nodes)
        node = self._node(
            event.kind,
            event.key.to_user_string(),
            event.partition,
            event.storage_id,
            run_id=event.run_id,
            data_version=event.data_version,
            code_version=event.code_version,
            at=event.at,
        )
        if node == count:
            self._level.append((node, event))
        return node

    def _missing_node(self, source: DerivedSource) -> int:
        return self._node(
            NodeKind.MISSING,
            source.key.to_user_string(),
            source.partition,
            source.storage_id,
            data_version=source.data_version,
            upstream=self.ancestors(source.key),
        )

    def _node(
        self,
        kind: NodeKind,
        asset: str,
        partition: str | None,
        storage_id: int | None,
        **known: object,
    ) -> int:
        # Two consumers may have used different states of something that nobody knows.
        state = known.get("data_version") if kind is NodeKind.MISSING else None
        place = (asset, partition, storage_id, kind, state)
        if place not in self._ids:
            self._ids[place] = len(self._nodes)
            self._nodes.append(
                LineageNode.model_validate(
                    {
                        "node_id": len(self._nodes),
                        "kind": kind,
                        "asset": asset,
                        "partition": partition,
                        "storage_id": storage_id,
                        **known,
                    }
                )
            )
        return self._ids[place]

    def _connect(self, consumer: int, source: int, capture: Capture, certainty: Certainty) -> None:
        edge = LineageEdge(consumer=consumer, source=source, capture=capture, certainty=certainty)
        known = self._edges.get((consumer, source))
        if known is None or known.certainty.rank < certainty.rank:
            self._edges[consumer, source] = edge

    def _ancestors(self, key: dg.AssetKey) -> tuple[str, ...] | None:
        """Return the keys of all assets upstream of one, by the graph and by the newest events.

        Returns:
            None where the graph does not define it and it has no event: nothing is known of it.
        """
        found: set[dg.AssetKey] = set()
        left = [key]
        while left:
            one = left.pop()
            newest = self._events.newest(one)
            if one == key and newest is None and not self._graph.has(one):
                return None
            parents = set(self._graph.step_inputs(one))
            if newest is not None:
                parents |= {*newest.pointers, *newest.unrecorded_inputs}
            left += parents - found
            found |= parents
        return tuple(sorted(each.to_user_string() for each in found - {key}))
