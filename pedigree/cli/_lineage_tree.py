"""The view of lineage: a tree of inputs, each edge with its certainty."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text
from rich.tree import Tree

from pedigree.cli._output import short_digest
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)

if TYPE_CHECKING:
    from pedigree.lineage.staleness import AssetPartition

CERTAINTY_STYLES = {Certainty.POSSIBLE: "yellow", Certainty.UNKNOWN: "red"}
# More uncertain partitions of one asset than this are one line.
FOLD_ABOVE = 3
_ASSETS_NAMED = 8


class Line(NamedTuple):
    """A line: one edge, or the similar edges to many partitions of one asset."""

    asset: str
    capture: Capture
    certainty: Certainty
    kind: NodeKind
    nodes: tuple[LineageNode, ...]


def lineage_tree(graph: LineageGraph, reference: str, stale: "set[AssetPartition]") -> Tree:
    """Draw what a version was trained on, down to the sources."""
    root = Tree(Text(reference, style="bold"))
    grower = _Grower(graph, stale)
    for node in graph.nodes:
        if node.kind is NodeKind.STEP:
            by = f"trained by {node.asset}, run {(node.run_id or '?')[:8]}"
            grower.grow(root.add(Text(by)), [node])
    return root


def certainty_text(certainty: Certainty, capture: Capture) -> Text:
    """Return the certainty of an edge, marked if the edge is only declared.

    >>> certainty_text(Certainty.POSSIBLE, Capture.DECLARED).plain
    'possible, declared'
    """
    text = f"{certainty}, declared" if capture is Capture.DECLARED else certainty.value
    return Text(text, style=CERTAINTY_STYLES.get(certainty, "dim"))


def not_known(not_ruled_out: Sequence[str] | None, *, recorded: bool) -> str | None:
    """Return a sentence about the assets that a version may depend on; None if there are none.

    >>> not_known(("bureau", "loans"), recorded=True)
    'It is not known whether it depends on: bureau, loans.'
    """
    if not recorded:
        return "No lineage is recorded, so nothing is known about what it depends on."
    if not_ruled_out is None:
        return "It is not known what else it depends on: it may be any asset."
    if not not_ruled_out:
        return None
    return f"It is not known whether it depends on: {named(not_ruled_out)}."


def named(assets: Sequence[str]) -> str:
    """Return the names of assets; of a long list only the first ones."""
    more = len(assets) - _ASSETS_NAMED
    listed = ", ".join(assets[:_ASSETS_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed


def folded(
    used: Iterable[tuple[LineageNode, LineageEdge]], *, also_certain: bool = False
) -> Iterator[Line]:
    """Yield each edge as a line; many similar possible edges are one line.

    Args:
        used: Edges, each with its source.
        also_certain: Fold certain edges, too.
    """
    groups: defaultdict[tuple[str, Capture, Certainty, NodeKind], dict[int, LineageNode]]
    groups = defaultdict(dict)
    for node, edge in used:
        groups[node.asset, edge.capture, edge.certainty, node.kind][node.node_id] = node
    for alike, found in groups.items():
        line = Line(*alike, tuple(found.values()))
        if len(found) > FOLD_ABOVE and (also_certain or line.certainty is Certainty.POSSIBLE):
            yield line
        else:
            yield from (line._replace(nodes=(node,)) for node in line.nodes)


class _Grower:
    """Adds the inputs of a node to a tree, recursively; follows a shared input once."""

    def __init__(self, graph: LineageGraph, stale: "set[AssetPartition]") -> None:
        self._nodes = {node.node_id: node for node in graph.nodes}
        self._sources: defaultdict[int, list[LineageEdge]] = defaultdict(list)
        for edge in graph.edges:
            self._sources[edge.consumer].append(edge)
        self._stale = stale
        self._followed: set[int] = set()

    def grow(self, parent: Tree, consumers: Sequence[LineageNode]) -> None:
        for line in self._lines(consumers):
            branch = parent.add(self._text(line))
            fresh = [node for node in line.nodes if node.node_id not in self._followed]
            self._followed.update(node.node_id for node in fresh)
            self.grow(branch, fresh)

    def _lines(self, consumers: Sequence[LineageNode]) -> Iterator[Line]:
        used = [
            (self._nodes[edge.source], edge)
            for node in consumers
            for edge in self._sources[node.node_id]
        ]
        # A folded line has equally many edges below it, so these are folded, too.
        return folded(used, also_certain=len(consumers) > FOLD_ABOVE)

    def _text(self, line: Line) -> Text:
        text = Text(line.asset)
        if len(line.nodes) > 1:
            text.append(f" [{len(line.nodes)} partitions, {line.certainty}]", style="yellow")
        else:
            (node,) = line.nodes
            if node.partition:
                text.append(f" [{node.partition}]", style="cyan")
            if node.data_version:
                text.append(f"  {short_digest(node.data_version)}", style="magenta")
            text.append("  ").append_text(certainty_text(line.certainty, line.capture))
        if line.kind is not NodeKind.MATERIALIZATION:
            text.append(f"  {line.kind}", style="yellow")
        text.append(_upstream_of(line), style="dim")
        stale = sum((node.asset, node.partition) in self._stale for node in line.nodes)
        if stale:
            of = "" if len(line.nodes) == 1 else f"{stale} of them "
            text.append(f"  {of}stale: newer data exists", style="bold yellow")
        return text


def _upstream_of(line: Line) -> str:
    if line.kind is not NodeKind.MISSING:
        return ""
    upstream: set[str] = set()
    for node in line.nodes:
        if node.upstream is None:
            return "  upstream of it may be any asset"
        upstream.update(node.upstream)
    return f"  upstream of it may be {named(sorted(upstream))}" if upstream else ""
