"""Follow what a step read upstream to the known sources."""

from collections.abc import Iterable
from functools import cache

import dagster as dg

from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.derivation import Derivation, DerivedSource
from pedigree.dagster.capture.event_history import EventSource
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.lineage.records import Capture, Certainty, LineageEdge, LineageNode, NodeKind

# An asset that depends on its own previous partition gives a chain as long as its history.
LEVEL_LIMIT = 100
NODE_LIMIT = 10_000

STEP = 0
"""The node of the step itself."""


class Closure:
    """The nodes and edges upstream of one step, found level by level.

    An unknown source becomes a node of kind ``missing``, which lists all assets upstream of it.

    Args:
        events: The events.
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
        """The step, then each event once."""
        return tuple(self._nodes)

    @property
    def edges(self) -> tuple[LineageEdge, ...]:
        """The edges from consumers to their sources."""
        return tuple(self._edges.values())

    def add(self, sources: Iterable[DerivedSource], capture: Capture, consumer: int = STEP) -> None:
        """Add the sources of a consumer; :meth:`resolve` follows them upstream."""
        for source in sources:
            has_event = source.event is not None
            node = self._event_node(source.event) if source.event else self._missing_node(source)
            certainty = source.certainty if has_event or source.storage_id else Certainty.UNKNOWN
            if capture is Capture.DECLARED:
                certainty = _at_most_possible(certainty)
            self._connect(consumer, node, capture, certainty)

    def add_sibling(self, key: dg.AssetKey, partition: str | None, run_id: str | None) -> int:
        """Add an asset that the step itself makes and that has no event yet."""
        node = self._node(
            NodeKind.MISSING, key.to_user_string(), partition, None, run_id=run_id, upstream=()
        )
        self._connect(STEP, node, Capture.DECLARED, Certainty.POSSIBLE)
        return node

    def inputs_of(self, consumer: int) -> tuple[LineageEdge, ...]:
        """Return the edges from a consumer to its sources."""
        return tuple(edge for edge in self._edges.values() if edge.consumer == consumer)

    def repeat(self, edge: LineageEdge, consumer: int) -> None:
        """Add an edge from another consumer to the same source, as the graph declares."""
        certainty = _at_most_possible(edge.certainty)
        self._connect(consumer, edge.source, Capture.DECLARED, certainty)

    def resolve(self) -> None:
        """Follow the events until there are no new ones.

        If a limit ends the search, the sources that were not followed become unknown.
        """
        for _ in range(LEVEL_LIMIT):
            if not self._level or len(self._nodes) >= NODE_LIMIT:
                break
            level, self._level = self._level, []
            self.derivation.prefetch([event for _, event in level])
            for node, event in level:
                self.add(self.derivation.sources(event), Capture.PROVENANCE, node)
        for node, event in self._level:
            unknown = (
                DerivedSource(key, Certainty.UNKNOWN, data_version=event.input_version(key))
                for key in sorted(self.derivation.available.inputs(event))
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
            upstream=self.ancestors(source.key) if source.is_named else None,
        )

    def _node(
        self,
        kind: NodeKind,
        asset: str,
        partition: str | None,
        storage_id: int | None,
        **fields: object,
    ) -> int:
        # Two consumers may have used different states of an unknown source.
        state = (
            (fields.get("data_version"), fields.get("upstream") is None)
            if kind is NodeKind.MISSING
            else None
        )
        identity = (asset, partition, storage_id, kind, state)
        if identity not in self._ids:
            self._ids[identity] = len(self._nodes)
            self._nodes.append(
                LineageNode.model_validate(
                    {
                        "node_id": len(self._nodes),
                        "kind": kind,
                        "asset": asset,
                        "partition": partition,
                        "storage_id": storage_id,
                        **fields,
                    }
                )
            )
        return self._ids[identity]

    def _connect(self, consumer: int, source: int, capture: Capture, certainty: Certainty) -> None:
        edge = LineageEdge(consumer=consumer, source=source, capture=capture, certainty=certainty)
        existing = self._edges.get((consumer, source))
        if existing is None or existing.certainty.rank < certainty.rank:
            self._edges[consumer, source] = edge

    def _ancestors(self, key: dg.AssetKey) -> tuple[str, ...] | None:
        """Return the keys of all assets upstream of one, from the graph and the newest events.

        Returns:
            None if the graph does not define the asset and it has no event.
        """
        found: set[dg.AssetKey] = set()
        pending = [key]
        while pending:
            asset = pending.pop()
            newest = self._events.newest(asset)
            if asset == key and newest is None and not self._graph.has(asset):
                return None
            parents = set(self._graph.step_inputs(asset))
            if newest is not None:
                parents |= {*newest.pointers, *newest.unrecorded_inputs}
            pending += parents - found
            found |= parents
        return tuple(sorted(ancestor.to_user_string() for ancestor in found - {key}))


def _at_most_possible(certainty: Certainty) -> Certainty:
    return min(certainty, Certainty.POSSIBLE, key=lambda level: level.rank)
