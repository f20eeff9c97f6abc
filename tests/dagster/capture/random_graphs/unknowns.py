"""The unknown parts of a closure."""

from dataclasses import dataclass

from pedigree.lineage.records import Certainty, LineageGraph, NodeKind
from tests.dagster.capture.random_graphs.ground_truth import Place, Write


@dataclass
class Unknowns:
    """The assets (and partitions) that a closure marks as unknown."""

    places: set[Place]
    assets: set[str]
    all_of_them: bool

    def covers(self, write: Write) -> bool:
        """Return whether they may include a content."""
        return (
            self.all_of_them
            or write.asset in self.assets
            or (write.asset, None) in self.places
            or write.place in self.places
        )


def open_assets(graph: LineageGraph) -> tuple[Unknowns, int]:
    """Return the unknown parts of a closure, and how many nodes leave everything unknown."""
    nodes = {node.node_id: node for node in graph.nodes}
    unknown = {edge.source for edge in graph.edges if edge.certainty is Certainty.UNKNOWN}
    reached = {edge.source for edge in graph.edges}
    lost = [nodes[each] for each in sorted(reached) if nodes[each].kind is NodeKind.MISSING]
    steps = [node for node in graph.nodes if node.kind is NodeKind.STEP]
    places = {
        (node.asset, node.partition)
        for node in lost
        if node.node_id in unknown or node.partition is None
    }
    assets = {asset for node in (*steps, *lost) for asset in node.upstream or ()}
    boundless = sum(node.upstream is None for node in (*steps, *lost))
    return Unknowns(places, assets, bool(boundless)), boundless
