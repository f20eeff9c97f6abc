"""What a version stands on, as a list: each asset and partition once for each of its states."""

from collections import defaultdict
from datetime import datetime

from pydantic import Field

from pedigree._record import Record
from pedigree.lineage.records import Capture, LineageEdge, LineageGraph, LineageNode, NodeKind

_FACTS = ("storage_id", "run_id", "data_version", "code_version", "at")


class UpstreamState(Record):
    """The state of an asset (partition) that a version stands on."""

    asset: str
    partition: str | None
    kind: NodeKind
    capture: Capture
    distance: int = Field(description="1: the training read it; 2: that was made of it; …")
    storage_id: int | None
    run_id: str | None
    data_version: str | None
    code_version: str | None
    at: datetime | None
    missing: tuple[str, ...] = Field(description="The names of the facts that nobody recorded")


class Upstream(Record):
    """All that a version stands on, the nearest first."""

    reference: str
    raced: bool = Field(description="An input changed while the training was running")
    states: tuple[UpstreamState, ...]


def upstream(reference: str, graph: LineageGraph) -> Upstream:
    """List what a training stands on, by distance, asset and partition."""
    nodes = {node.node_id: node for node in graph.nodes}
    states = [
        _state(nodes[node_id], capture, distance)
        for node_id, (distance, capture) in _reached(graph).items()
    ]
    states.sort(key=lambda one: (one.distance, one.asset, one.partition or "", one.storage_id or 0))
    return Upstream(reference=reference, raced=graph.raced, states=tuple(states))


def _reached(graph: LineageGraph) -> dict[int, tuple[int, Capture]]:
    """Return how far each node is from the step, and how the nearest way to it is known."""
    sources: defaultdict[int, list[LineageEdge]] = defaultdict(list)
    for edge in graph.edges:
        sources[edge.consumer].append(edge)
    level = {node.node_id for node in graph.nodes if node.kind is NodeKind.STEP}
    found: dict[int, tuple[int, Capture]] = {}
    distance = 0
    while level:
        distance += 1
        edges = [edge for consumer in sorted(level) for edge in sources[consumer]]
        level = {edge.source for edge in edges if edge.source not in found}
        for edge in edges:
            found.setdefault(edge.source, (distance, edge.capture))
    return found


def _state(node: LineageNode, capture: Capture, distance: int) -> UpstreamState:
    facts = node.model_dump(exclude={"node_id"})
    missing = tuple(name for name in _FACTS if facts[name] is None)
    return UpstreamState(**facts, capture=capture, distance=distance, missing=missing)
