"""Places of the nodes of a directed graph: columns from left to right, with few crossings.

The method is that of Sugiyama, Tagawa and Toda (1981): columns by the longest path, dummies where
an edge passes a column, sweeps by barycenter for the order in each column. Places within a column
are then the isotonic regression of the means of their neighbors (Barlow et al., 1972).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

Edge: TypeAlias = tuple[str, str]
"""The keys of its source and its target."""

_SWEEPS = 8
_ALIGNMENTS = 6
# Beyond this many the sweeps take longer than a page may, and long edges pass below nodes instead.
_MOST_DUMMIES = 800


class Sizes(NamedTuple):
    """The sizes of what is placed, in units of the picture."""

    node_height: float
    dummy_height: float
    gap: float


class GraphLayout(NamedTuple):
    """Where nodes are.

    Attributes:
        columns: The column of each node, from 0 at the left.
        middles: The vertical middle of each node, from the top.
        routes: For each drawn edge the middles of its dummies, one for each column that it passes.
        left_out: The edges that would lead back, because the graph has a cycle.
        height: The height of the highest column.
    """

    columns: Mapping[str, int]
    middles: Mapping[str, float]
    routes: Mapping[Edge, tuple[float, ...]]
    left_out: tuple[Edge, ...]
    height: float


class _Layers:
    """The columns with their members: nodes by their keys, and dummies by keys of their own."""

    def __init__(self, columns: Mapping[str, int], edges: Iterable[Edge]) -> None:
        self.before: defaultdict[str, list[str]] = defaultdict(list)
        self.after: defaultdict[str, list[str]] = defaultdict(list)
        self.members: list[list[str]] = [[] for _ in range(1 + max(columns.values(), default=0))]
        self.dummies: dict[Edge, list[str]] = {}
        for key, column in columns.items():
            self.members[column].append(key)
        made = 0
        spans = {edge: columns[edge[1]] - columns[edge[0]] - 1 for edge in edges}
        for edge in sorted(spans, key=lambda edge: (spans[edge], edge)):
            fits = made + spans[edge] <= _MOST_DUMMIES
            # No key of a node begins with NUL: no text of the database has one.
            names = [f"\0{made + place}" for place in range(spans[edge])] if fits else []
            made += len(names)
            self._add(edge, columns[edge[0]], names)

    def _add(self, edge: Edge, column: int, dummies: list[str]) -> None:
        self.dummies[edge] = dummies
        for place, name in enumerate(dummies, start=column + 1):
            self.members[place].append(name)
        chain = [edge[0], *dummies, edge[1]]
        for source, target in pairwise(chain):
            self.after[source].append(target)
            self.before[target].append(source)

    def order(self) -> None:
        """Order each column by the means of its neighbors, forth and back."""
        places = {key: place for each in self.members for place, key in enumerate(each)}
        for sweep in range(_SWEEPS):
            neighbors = self.before if sweep % 2 == 0 else self.after
            for column in self.members if sweep % 2 == 0 else reversed(self.members):
                means = {
                    key: _mean([places[each] for each in neighbors[key]], places[key])
                    for key in column
                }
                column.sort(key=means.__getitem__)
                places.update((key, place) for place, key in enumerate(column))


def layout_of(nodes: Sequence[str], edges: Iterable[Edge], sizes: Sizes) -> GraphLayout:
    """Return places of nodes: every edge leads to the right, and no two nodes overlap.

    Args:
        nodes: The keys of the nodes; equal arguments give equal places.
        edges: The edges between them, each once.
        sizes: How high nodes are.
    """
    left_out = _backward(nodes, edges := list(dict.fromkeys(edges)))
    forward = [edge for edge in edges if edge not in left_out]
    columns = _columns(nodes, forward)
    layers = _Layers(columns, forward)
    layers.order()
    middles, height = _middles(layers, columns, sizes)
    return GraphLayout(
        columns=columns,
        middles={key: middles[key] for key in nodes},
        routes={
            edge: tuple(middles[name] for name in names) for edge, names in layers.dummies.items()
        },
        left_out=tuple(left_out),
        height=height,
    )


def _backward(nodes: Iterable[str], edges: Iterable[Edge]) -> dict[Edge, None]:
    """Return the edges that close a cycle when the graph is walked depth first."""
    after: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        after[source].append(target)
    found: dict[Edge, None] = {}
    done: set[str] = set()
    for start in nodes:
        path = {start: iter(after[start])} if start not in done else {}
        while path:
            key = next(reversed(path))
            target = next(path[key], "")
            if not target:
                del path[key]
                done.add(key)
            elif target in path:
                found[key, target] = None
            elif target not in done:
                path[target] = iter(after[target])
    return found


def _columns(nodes: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Return the columns: each node is as far left of the last one as its longest path is long."""
    before: defaultdict[str, list[str]] = defaultdict(list)
    open_edges = dict.fromkeys(nodes, 0)
    for source, target in edges:
        before[target].append(source)
        open_edges[source] += 1
    distance = dict.fromkeys(open_edges, 0)
    ready = [key for key, count in open_edges.items() if not count]
    while ready:
        key = ready.pop()
        for source in before[key]:
            distance[source] = max(distance[source], distance[key] + 1)
            open_edges[source] -= 1
            if not open_edges[source]:
                ready.append(source)
    last = max(distance.values(), default=0)
    return {key: last - steps for key, steps in distance.items()}


def _middles(
    layers: _Layers, columns: Mapping[str, int], sizes: Sizes
) -> tuple[dict[str, float], float]:
    def height_of(key: str) -> float:
        return sizes.node_height if key in columns else sizes.dummy_height

    middles: dict[str, float] = {}
    offsets: list[list[float]] = []
    for column in layers.members:
        top, places = 0.0, []
        for key in column:
            places.append(top + height_of(key) / 2)
            top += height_of(key) + sizes.gap
        offsets.append(places)
        middle = (top - sizes.gap) / 2
        middles.update((key, place - middle) for key, place in zip(column, places, strict=True))
    for turn in range(_ALIGNMENTS):
        neighbors = layers.before if turn % 2 == 0 else layers.after
        both = [*zip(layers.members, offsets, strict=True)]
        for column, places in both if turn % 2 == 0 else reversed(both):
            wanted = [
                _mean([middles[each] for each in neighbors[key]], middles[key]) - place
                for key, place in zip(column, places, strict=True)
            ]
            settled = _ascending(wanted)
            middles.update(
                (key, place + shift)
                for key, place, shift in zip(column, places, settled, strict=True)
            )
    top = min((middle - height_of(key) / 2 for key, middle in middles.items()), default=0.0)
    low = max((middle + height_of(key) / 2 for key, middle in middles.items()), default=0.0)
    return {key: middle - top for key, middle in middles.items()}, low - top


def _ascending(wanted: Sequence[float]) -> list[float]:
    """Return the ascending numbers that are nearest to the wanted ones, by least squares."""
    pools: list[tuple[float, int]] = []
    for value in wanted:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, many = pools.pop()
            total, count = total + before, count + many
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
