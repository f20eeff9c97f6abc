"""The law of the layout: edges lead to the right, and no two nodes overlap."""

from collections import defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pedigree.server.web.pictures.layering import Edge, GraphLayout, Sizes, layout_of

SIZES = Sizes(node_height=46, dummy_height=14, gap=16)
NODES = [f"n{place}" for place in range(12)]


@st.composite
def graphs(draw: st.DrawFn, *, is_acyclic: bool) -> tuple[list[str], list[Edge]]:
    nodes = draw(st.permutations(NODES[: draw(st.integers(1, len(NODES)))]))
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes))
    edges = [pair for pair in draw(st.lists(pairs, max_size=40)) if pair[0] != pair[1]]
    if is_acyclic:
        edges = [(a, b) if nodes.index(a) < nodes.index(b) else (b, a) for a, b in edges]
    return nodes, edges


def require_no_overlap(layout: GraphLayout) -> None:
    by_column: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for key, column in layout.columns.items():
        by_column[column].append((layout.middles[key], SIZES.node_height))
    for edge, middles in layout.routes.items():
        begin = layout.columns[edge[0]] + 1
        for column, middle in enumerate(middles, start=begin):
            by_column[column].append((middle, SIZES.dummy_height))
    for members in by_column.values():
        for (above, high), (below, low) in pairwise(sorted(members)):
            assert above + high / 2 + SIZES.gap <= below - low / 2 + 1e-6
        assert all(middle - size / 2 >= -1e-6 for middle, size in members)
        assert all(middle + size / 2 <= layout.height + 1e-6 for middle, size in members)


@given(graphs(is_acyclic=True))
def test_every_edge_leads_to_the_right_and_no_two_nodes_overlap(
    graph: tuple[list[str], list[Edge]],
) -> None:
    nodes, edges = graph
    layout = layout_of(nodes, edges, SIZES)
    assert layout.columns.keys() == layout.middles.keys() == set(nodes)
    assert layout.routes.keys() == set(edges)
    assert layout.left_out == ()
    for (source, target), middles in layout.routes.items():
        assert layout.columns[source] < layout.columns[target]
        assert len(middles) == layout.columns[target] - layout.columns[source] - 1
    require_no_overlap(layout)


@given(graphs(is_acyclic=False))
def test_a_cycle_loses_only_edges_that_lead_back(graph: tuple[list[str], list[Edge]]) -> None:
    nodes, edges = graph
    layout = layout_of(nodes, edges, SIZES)
    assert {*layout.routes, *layout.left_out} == set(edges)
    assert not layout.routes.keys() & set(layout.left_out)
    assert all(layout.columns[a] < layout.columns[b] for a, b in layout.routes)
    require_no_overlap(layout)


@given(graphs(is_acyclic=False))
def test_the_same_graph_has_the_same_places(graph: tuple[list[str], list[Edge]]) -> None:
    assert layout_of(*graph, SIZES) == layout_of(*graph, SIZES)


def test_a_chain_is_one_line() -> None:
    layout = layout_of(["c", "a", "b"], [("a", "b"), ("b", "c")], SIZES)
    assert layout.columns == {"a": 0, "b": 1, "c": 2}
    assert set(layout.middles.values()) == {SIZES.node_height / 2}


def test_a_source_is_next_to_what_uses_it() -> None:
    edges = [("a", "b"), ("b", "c"), ("late", "c")]
    assert layout_of(["a", "b", "c", "late"], edges, SIZES).columns["late"] == 1


def test_a_graph_of_thousands_of_long_edges_is_placed_without_a_place_for_each() -> None:
    nodes = [f"n{place:03}" for place in range(150)]
    edges = [(a, b) for place, a in enumerate(nodes) for b in nodes[place + 1 :: 3]]
    layout = layout_of(nodes, edges, SIZES)
    assert set(layout.routes) == set(edges)
    assert all(layout.columns[a] < layout.columns[b] for a, b in edges)
