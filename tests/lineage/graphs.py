"""Small lineage graphs for the tests."""

from datetime import UTC, datetime

from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def node(
    node_id: int, asset: str, partition: str | None = None, version: str = "v1", **more: object
) -> LineageNode:
    """Return a materialization of an asset on that Monday."""
    values: dict[str, object] = {
        "kind": NodeKind.MATERIALIZATION,
        "storage_id": node_id + 100,
        "run_id": "run-0",
        "data_version": version,
        "code_version": "c1",
        "at": MONDAY,
        **more,
    }
    return LineageNode(node_id=node_id, asset=asset, partition=partition, **values)


STEP = LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn", run_id="run-1")


def missing(
    node_id: int,
    asset: str,
    partition: str | None = None,
    *,
    upstream: tuple[str, ...] | None = (),
) -> LineageNode:
    """Return a node that was used and whose event does not exist."""
    return LineageNode(
        node_id=node_id,
        kind=NodeKind.MISSING,
        asset=asset,
        partition=partition,
        upstream=upstream,
    )


def edge(
    consumer: int, source: int, certainty: Certainty, capture: Capture | None = None
) -> LineageEdge:
    """Return an edge; the default capture depends on whether the step is its consumer."""
    known_by = capture or (Capture.PROVENANCE if consumer else Capture.READ)
    return LineageEdge(consumer=consumer, source=source, capture=known_by, certainty=certainty)


def graph(
    *direct: LineageNode,
    behind: tuple[LineageNode, ...] = (),
    certainty: Certainty = Certainty.PROVED,
) -> LineageGraph:
    """Return the graph of a training that read some nodes; the others are upstream of the first.

    A missing node is unknown; the other upstream nodes have the given certainty.
    """
    read = [edge(0, one.node_id, _of(one, Certainty.READ)) for one in direct]
    further = [edge(direct[0].node_id, one.node_id, _of(one, certainty)) for one in behind]
    return LineageGraph(nodes=(STEP, *direct, *behind), edges=(*read, *further))


def _of(source: LineageNode, certainty: Certainty) -> Certainty:
    return Certainty.UNKNOWN if source.kind is NodeKind.MISSING else certainty
