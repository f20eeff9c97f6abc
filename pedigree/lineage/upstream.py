"""The upstream of a version as a list: one entry for each state of an asset and partition."""

from collections import defaultdict
from datetime import datetime

from pydantic import Field

from pedigree._record import Record
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)

_FACTS = ("storage_id", "run_id", "data_version", "code_version", "at")


class UpstreamState(Record):
    """The state of an asset (partition) that a version depends on or may depend on."""

    asset: str
    partition: str | None
    kind: NodeKind
    capture: Capture
    certainty: Certainty = Field(description="How certain it is that the training depends on it")
    distance: int = Field(
        description="1: the training read it; 2: a direct input was derived from it; …"
    )
    storage_id: int | None
    run_id: str | None
    data_version: str | None
    code_version: str | None
    at: datetime | None
    missing: tuple[str, ...] = Field(description="The names of facts that were not recorded")
    upstream: tuple[str, ...] | None = Field(
        description="If the used state is unknown: assets that may be upstream of it; null: any "
        "asset may be"
    )


class Upstream(Record):
    """Everything that a version depends on or may depend on, nearest first."""

    reference: str
    raced: bool = Field(description="An input changed while the training was running")
    states: tuple[UpstreamState, ...]
    recorded: bool = Field(
        description="False: no lineage is recorded, so the dependencies are unknown"
    )
    not_ruled_out: tuple[str, ...] | None = Field(
        description="Other assets that it may depend on; null: any asset"
    )


def upstream(reference: str, graph: LineageGraph) -> Upstream:
    """Return everything that a training depends on, by distance, asset and partition."""
    nodes = {node.node_id: node for node in graph.nodes}
    certainties = graph.certainties()
    states = [
        _state(nodes[node_id], capture, certainties[node_id], distance)
        for node_id, (distance, capture) in _reached(graph).items()
    ]
    states.sort(
        key=lambda state: (
            state.distance,
            state.asset,
            state.partition or "",
            state.storage_id or 0,
        )
    )
    return Upstream(
        reference=reference,
        raced=graph.raced,
        states=tuple(states),
        recorded=bool(graph.nodes),
        not_ruled_out=graph.not_ruled_out() if graph.nodes else None,
    )


def _reached(graph: LineageGraph) -> dict[int, tuple[int, Capture]]:
    """Return each node's distance from the step, and the capture of the nearest edge to it."""
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


def _state(
    node: LineageNode, capture: Capture, certainty: Certainty, distance: int
) -> UpstreamState:
    facts = node.model_dump(exclude={"node_id"})
    is_hidden = node.kind is NodeKind.HIDDEN  # its facts are recorded, but not shown
    missing = () if is_hidden else tuple(name for name in _FACTS if facts[name] is None)
    return UpstreamState(
        **facts, capture=capture, certainty=certainty, distance=distance, missing=missing
    )
