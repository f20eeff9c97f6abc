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


STEP = LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn", run_id="run-1")


def missing(
    node_id: int,
    asset: str,
    partition: str | None = None,
    *,
    upstream: tuple[str, ...] | None = (),
) -> LineageNode:
    """What was used, and of which no event is there."""
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
    """An edge; without a capture, as one of the step or of what it used has it."""
    known_by = capture or (Capture.PROVENANCE if consumer else Capture.READ)
    return LineageEdge(consumer=consumer, source=source, capture=known_by, certainty=certainty)


def graph(
    *direct: LineageNode,
    behind: tuple[LineageNode, ...] = (),
    certainty: Certainty = Certainty.PROVED,
) -> LineageGraph:
    """A training that read some nodes; the others are upstream of the first of them.

    What is missing is not known; the rest of what is upstream is as certain as said.
    """
    read = [edge(0, one.node_id, _of(one, Certainty.READ)) for one in direct]
    further = [edge(direct[0].node_id, one.node_id, _of(one, certainty)) for one in behind]
    return LineageGraph(nodes=(STEP, *direct, *behind), edges=(*read, *further))


def _of(source: LineageNode, certainty: Certainty) -> Certainty:
    return Certainty.UNKNOWN if source.kind is NodeKind.MISSING else certainty
