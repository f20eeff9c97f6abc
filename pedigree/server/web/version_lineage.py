"""The lineage of a version as it is shown: assets with their partitions as one node and one row."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
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
from pedigree.registry.version_pages import VersionPage
from pedigree.server.web.links import Links
from pedigree.server.web.pictures.lineage import (
    LineagePicture,
    PictureEdge,
    PictureNode,
    lineage_picture,
)
from pedigree.server.web.words import plural, short, span

MOST_NODES = 150
"""How many nodes the picture shows; farther ones are folded into one."""
_MOST_OUTPUTS = 24

_VERSION = "version"
_STAGE = "stage"
_FOLDED = "folded"


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
        return f"{len(self.partitions):,} partitions, {first} – {last}"

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


class ShownLineage(NamedTuple):
    """A lineage as a page shows it.

    Attributes:
        picture: The picture; None if nothing is recorded.
        inputs: What the version used, the nearest first.
        outputs: What was written with it, the newest first.
        states: How many states of data it used.
        folded: How many assets the picture does not show one by one.
        raced: An input changed while the training ran.
        others: Other assets that it may depend on; None: any asset may be.
    """

    picture: LineagePicture | None
    inputs: tuple[AssetUse, ...]
    outputs: tuple[OutputUse, ...]
    states: int
    folded: int
    raced: bool
    others: tuple[str, ...] | None


def shown_lineage(page: VersionPage, links: Links, now: datetime) -> ShownLineage:
    """Return the lineage of a version as its page shows it.

    States of models that the visitor may not read are left out.
    """
    graph = without_hidden(page.lineage)
    inputs, outputs = inputs_of(graph), outputs_of(page.usages)
    kept = {each.asset for each in inputs[: MOST_NODES - 1]}
    folded = len(inputs) - len(kept) if len(inputs) > MOST_NODES else 0
    if not folded:
        kept = {each.asset for each in inputs}
    drawn = _Drawing(page, links, now)
    drawn.add_inputs(inputs, kept, graph)
    drawn.add_outputs(outputs)
    picture = None
    if inputs or outputs:
        label = f"Lineage of {page.version.reference}: what it was made of, and what uses it"
        picture = lineage_picture([*drawn.nodes.values()], drawn.edges.values(), label)
    others = graph.not_ruled_out() if graph.nodes else None
    return ShownLineage(
        picture=picture,
        inputs=inputs,
        outputs=outputs,
        states=sum(each.states for each in inputs),
        folded=folded,
        raced=graph.raced,
        others=others and tuple(each for each in others if each != HIDDEN),
    )


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
    certainties, distances, captures = graph.certainties(), _distances(graph), {}
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


class _Drawing:
    """The nodes and edges of the picture, by their keys."""

    def __init__(self, page: VersionPage, links: Links, now: datetime) -> None:
        self._links, self._now, self._page = links, now, page
        self.edges: dict[tuple[str, str], PictureEdge] = {}
        version = page.version
        detail = f"{version.flavor} · {short(version.digest)}"
        self.nodes = {
            _VERSION: PictureNode(
                _VERSION, "version", version.reference, detail, about=f"This version, {detail}"
            )
        }

    def add_inputs(
        self, inputs: Sequence[AssetUse], kept: set[str], graph: LineageGraph
    ) -> None:
        for use in inputs:
            if use.asset in kept:
                self._add(_input_node(use, self._links))
        further = [use for use in inputs if use.asset not in kept]
        if further:
            self._add(_folded_node(further))
        keys = {node.node_id: self._key(node, kept) for node in graph.nodes}
        certain: Counter[tuple[str, str]] = Counter()
        uncertain: Counter[tuple[str, str]] = Counter()
        for edge in graph.edges:
            pair = keys[edge.source], keys[edge.consumer]
            (certain if edge.certainty.certain else uncertain)[pair] += 1
        for pair in (certain | uncertain):
            # What is folded is drawn only as a source: it has no place of its own.
            if pair[0] != pair[1] and pair[1] != _FOLDED:
                self.edges[pair] = PictureEdge(*pair, is_certain=pair in certain)

    def add_outputs(self, outputs: Sequence[OutputUse]) -> None:
        version = self._page.version
        begin = _VERSION
        if version.stage not in ("none", "archived"):
            begin = _STAGE
            since = span(self._now - version.stage_since) if version.stage_since else "not known"
            link = self._links.model(version.model_name)
            self._add(PictureNode(_STAGE, "stage", version.stage, f"for {since}", link))
            self.edges[_VERSION, _STAGE] = PictureEdge(_VERSION, _STAGE)
        shown = outputs if len(outputs) <= _MOST_OUTPUTS else outputs[: _MOST_OUTPUTS - 1]
        for use in shown:
            node = _output_node(use, self._links, self._now)
            self._add(node)
            self.edges[begin, node.key] = PictureEdge(begin, node.key, is_certain=use.is_written)
        if further := len(outputs) - len(shown):
            key = f"{_FOLDED} outputs"
            self._add(PictureNode(key, "folded", plural(further, "further output"), "in the table"))
            self.edges[begin, key] = PictureEdge(begin, key)

    def _add(self, node: PictureNode) -> None:
        self.nodes[node.key] = node

    @staticmethod
    def _key(node: LineageNode, kept: set[str]) -> str:
        if node.kind is NodeKind.STEP:
            return _VERSION
        return f"in {node.asset}" if node.asset in kept else _FOLDED


def _input_node(use: AssetUse, links: Links) -> PictureNode:
    kind = "missing" if use.missing == use.states else "data"
    if kind == "data" and not use.certainty.certain:
        kind = "declared"
    parts = use.parts
    about = ", ".join(filter(None, (use.asset, parts, use.state, use.how)))
    return PictureNode(
        key=f"in {use.asset}",
        kind=kind,
        title=use.asset,
        detail=parts or use.state,
        link=links.impact(use.asset),
        dagster=links.asset(use.asset),
        about=about,
    )


def _folded_node(further: Sequence[AssetUse]) -> PictureNode:
    near, far = further[0].distance, further[-1].distance
    steps = f"{near} – {far} steps away" if near != far else f"{plural(near, 'step')} away"
    title = plural(len(further), "further asset")
    return PictureNode(_FOLDED, "folded", title, steps, about=f"{title}, {steps}: see the table")


def _output_node(use: OutputUse, links: Links, now: datetime) -> PictureNode:
    did = "written" if use.is_written else "used"
    parts = f"{plural(use.partitions, 'partition')}, " if use.partitions else ""
    detail = f"{parts}{did} {span(now - use.used_at)} ago"
    return PictureNode(
        key=f"out {use.asset}",
        kind="output",
        title=use.asset,
        detail=detail,
        link=links.impact(use.asset),
        dagster=links.asset(use.asset),
        about=f"{use.asset}, {detail}",
    )
