"""The lineage of a version as a picture: which nodes it has, and what each says."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pedigree.lineage.records import HIDDEN, LineageGraph, LineageNode, NodeKind
from pedigree.registry.version_page_records import VersionPage
from pedigree.server.web.links import Links
from pedigree.server.web.pictures.lineage import (
    LineagePicture,
    PictureEdge,
    PictureNode,
    lineage_picture,
)
from pedigree.server.web.version_lineage import (
    AssetUse,
    OutputUse,
    inputs_of,
    outputs_of,
    without_hidden,
)
from pedigree.server.web.words import plural, short, span

MOST_NODES = 150
"""How many nodes the picture shows; farther ones are folded into one."""
_MOST_OUTPUTS = 24

_VERSION = "version"
_STAGE = "stage"
_FOLDED = "folded"


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
    drawn = _LineageNodes(page, links, now)
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


class _LineageNodes:
    """The nodes and edges of the picture, by their keys."""

    def __init__(self, page: VersionPage, links: Links, now: datetime) -> None:
        self._links, self._now, self._page = links, now, page
        self.edges: dict[tuple[str, str], PictureEdge] = {}
        version = page.version
        detail = f"{version.flavor or 'flavor not known'} · {short(version.digest)}"
        self.nodes = {
            _VERSION: PictureNode(
                _VERSION, "version", version.reference, detail, about=f"This version, {detail}"
            )
        }

    def add_inputs(self, inputs: Sequence[AssetUse], kept: set[str], graph: LineageGraph) -> None:
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
        for pair in certain | uncertain:
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
    steps = f"{near} to {far} steps away" if near != far else f"{plural(near, 'step')} away"
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
