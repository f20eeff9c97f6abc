"""Small lineage graphs for the tests."""

from datetime import UTC, datetime

from pedigree.lineage.records import Capture, LineageEdge, LineageGraph, LineageNode, NodeKind

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def node(
    node_id: int, asset: str, partition: str | None = None, version: str = "v1", **more: object
) -> LineageNode:
    """A materialization of an asset on that Monday."""
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


def missing(node_id: int, asset: str, partition: str | None = None) -> LineageNode:
    """What was used, and of which no event is there."""
    return LineageNode(node_id=node_id, kind=NodeKind.MISSING, asset=asset, partition=partition)


def graph(*direct: LineageNode, behind: tuple[LineageNode, ...] = ()) -> LineageGraph:
    """A training that read some nodes; the others are behind the first of them."""
    step = LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn", run_id="run-1")
    read = [LineageEdge(consumer=0, source=one.node_id, capture=Capture.READ) for one in direct]
    further = [
        LineageEdge(consumer=direct[0].node_id, source=one.node_id, capture=Capture.PROVENANCE)
        for one in behind
    ]
    return LineageGraph(nodes=(step, *direct, *behind), edges=(*read, *further))
