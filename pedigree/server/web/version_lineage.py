"""The lineage of a version as it is shown: assets with their partitions as one node and one row."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pedigree.lineage.records import (
    HIDDEN,
    Capture,
    Certainty,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.lineage.usages import Usage
from pedigree.server.web.words import short


class AssetUse(NamedTuple):
    """What a version used of one asset: all its partitions and states together.

    Attributes:
        asset: The key of the asset.
        distance: 1 if the training read it; 2 if a direct input was derived from it; …
        states: How many states of its data.
        partitions: Its partitions, in order.
        certainty: How certain it is that the training depends on it.
        capture: The source of the claim that is nearest to the training.
        data_versions: The data versions that are known.
        recorded_at: When the newest of the states was recorded; None if that is not known.
        missing: How many of the states have no event any more.
    """

    asset: str
    distance: int
    states: int
    partitions: tuple[str, ...]
    certainty: Certainty
    capture: Capture
    data_versions: tuple[str, ...]
    recorded_at: datetime | None
    missing: int

    @property
    def parts(self) -> str:
        """Its partitions in a few words; empty if it has none."""
        if len(self.partitions) < 2:
            return "".join(self.partitions)
        first, last = self.partitions[0], self.partitions[-1]
        return f"{len(self.partitions):,} partitions, {first} to {last}"

    @property
    def state(self) -> str:
        """Its data versions in a few words."""
        if self.missing == self.states:
            return "its event is missing"
        if not self.data_versions:
            return "no data version"
        if len(self.data_versions) > 1:
            return f"{len(self.data_versions):,} data versions"
        return short(self.data_versions[0])

    @property
    def how(self) -> str:
        """How it is known that the training used it."""
        said = _CERTAIN[self.certainty]
        return f"{said}, declared" if self.capture is Capture.DECLARED else said


_CERTAIN = {
    Certainty.READ: "read",
    Certainty.PROVED: "proved by what it was made of",
    Certainty.POSSIBLE: "possible",
    Certainty.UNKNOWN: "not known which part",
}


class OutputUse(NamedTuple):
    """What was written with a version to one asset.

    Attributes:
        asset: The key of the asset.
        partitions: Its partitions.
        used_at: When a run used the version for it last.
        is_written: Whether the newest use is known to have written.
    """

    asset: str
    partitions: tuple[str, ...]
    used_at: datetime
    is_written: bool


def without_hidden(graph: LineageGraph) -> LineageGraph:
    """Return what of a graph the step leads to without passing a state that is hidden."""
    hidden = {node.node_id for node in graph.nodes if node.kind is NodeKind.HIDDEN}
    if not hidden:
        return graph
    sources: defaultdict[int, list[int]] = defaultdict(list)
    for edge in graph.edges:
        sources[edge.consumer].append(edge.source)
    kept = [node.node_id for node in graph.nodes if node.kind is NodeKind.STEP]
    reached = set(kept)
    for key in kept:  # grows while it is read
        for source in sources[key]:
            if source not in reached and source not in hidden:
                reached.add(source)
                kept.append(source)
    nodes = tuple(node for node in graph.nodes if node.node_id in reached)
    edges = tuple(e for e in graph.edges if e.consumer in reached and e.source in reached)
    return graph.model_copy(update={"nodes": nodes, "edges": edges})


def inputs_of(graph: LineageGraph) -> tuple[AssetUse, ...]:
    """Return what a training used, one entry for each asset, the nearest first."""
    certainties, distances = graph.certainties(), _distances(graph)
    captures: dict[int, tuple[int, Capture]] = {}
    for edge in graph.edges:
        known = captures.get(edge.source)
        if known is None or distances.get(edge.consumer, 0) < known[0]:
            captures[edge.source] = (distances.get(edge.consumer, 0), edge.capture)
    groups: defaultdict[str, list[LineageNode]] = defaultdict(list)
    for node in graph.nodes:
        if node.kind is not NodeKind.STEP:
            groups[node.asset].append(node)
    found = []
    for asset, nodes in groups.items():
        nearest = min(nodes, key=lambda node: distances.get(node.node_id, len(graph.nodes)))
        times = [node.at for node in nodes if node.at]
        found.append(
            AssetUse(
                asset=asset,
                distance=distances.get(nearest.node_id, len(graph.nodes)),
                states=len(nodes),
                partitions=tuple(sorted({node.partition for node in nodes if node.partition})),
                certainty=max((certainties[node.node_id] for node in nodes), key=lambda c: c.rank),
                capture=captures.get(nearest.node_id, (0, Capture.PROVENANCE))[1],
                data_versions=tuple(
                    dict.fromkeys(node.data_version for node in nodes if node.data_version)
                ),
                recorded_at=max(times, default=None),
                missing=sum(node.kind is NodeKind.MISSING for node in nodes),
            )
        )
    return tuple(sorted(found, key=lambda use: (use.distance, use.asset)))


def _distances(graph: LineageGraph) -> dict[int, int]:
    sources: defaultdict[int, list[int]] = defaultdict(list)
    for edge in graph.edges:
        sources[edge.consumer].append(edge.source)
    level = [node.node_id for node in graph.nodes if node.kind is NodeKind.STEP]
    found, distance = dict.fromkeys(level, 0), 0
    while level:
        distance += 1
        further = {source for key in level for source in sources[key] if source not in found}
        level = sorted(further)
        found.update(dict.fromkeys(level, distance))
    return found


def outputs_of(usages: Iterable[Usage]) -> tuple[OutputUse, ...]:
    """Return what was written with a version, one entry for each asset, the newest first."""
    groups: defaultdict[str, list[Usage]] = defaultdict(list)
    for use in usages:
        if use.asset != HIDDEN:
            groups[use.asset].append(use)
    found = (
        OutputUse(
            asset=asset,
            partitions=tuple(sorted({use.partition for use in uses if use.partition})),
            used_at=max(use.used_at for use in uses),
            is_written=max(uses, key=lambda use: use.usage_id).written,
        )
        for asset, uses in groups.items()
    )
    return tuple(sorted(found, key=lambda use: use.used_at, reverse=True))
