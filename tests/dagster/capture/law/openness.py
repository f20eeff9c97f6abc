"""What a closure leaves open: the assets about which it says that it does not know."""

from dataclasses import dataclass

from pedigree.lineage.records import Certainty, LineageGraph, NodeKind
from tests.dagster.capture.law.world import Place, Write


@dataclass
class Open:
    """The assets (and partitions) about which a closure says that it does not know."""

    places: set[Place]
    assets: set[str]
    all_of_them: bool

    def covers(self, write: Write) -> bool:
        """Say whether a content may be among it."""
        return (
            self.all_of_them
            or write.asset in self.assets
            or (write.asset, None) in self.places
            or write.place in self.places
        )


def open_assets(graph: LineageGraph) -> tuple[Open, int]:
    """Return what a closure leaves open, and how many of its nodes leave everything open."""
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
    return Open(places, assets, bool(boundless)), boundless
