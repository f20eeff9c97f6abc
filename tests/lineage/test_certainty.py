"""How certain it is that a training depends on a node of its lineage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from tests.lineage.graphs import STEP, edge, node


@st.composite
def graphs(draw: st.DrawFn) -> LineageGraph:
    """Draw graphs of a few nodes, including cycles and nodes without a path."""
    size = draw(st.integers(1, 6))
    pairs = draw(st.sets(st.tuples(st.integers(0, size), st.integers(1, size)), max_size=14))
    return LineageGraph(
        nodes=(STEP, *(node(number, f"asset_{number}") for number in range(1, size + 1))),
        edges=tuple(
            edge(consumer, source, draw(st.sampled_from(Certainty)))
            for consumer, source in sorted(pairs)
        ),
    )


def best_of_all_paths(graph: LineageGraph, target: int) -> Certainty:
    """Return the best certainty over all simple paths from the step."""
    found = [Certainty.UNKNOWN]

    def walk(at: int, passed: frozenset[int], worst: Certainty) -> None:
        if at == target:
            found.append(worst)
        for each in graph.edges:
            if each.consumer == at and each.source not in passed:
                further = min(worst, each.certainty, key=lambda one: one.rank)
                walk(each.source, passed | {each.source}, further)

    walk(0, frozenset({0}), Certainty.READ)
    return max(found, key=lambda one: one.rank)


@given(graphs())
def test_a_node_is_as_certain_as_its_best_path_and_a_path_as_its_worst_edge(
    graph: LineageGraph,
) -> None:
    certainties = graph.certainties()
    assert certainties[0] is Certainty.READ
    for number in range(1, len(graph.nodes)):
        assert certainties[number] is best_of_all_paths(graph, number)


def test_the_order_is_unknown_possible_proved_read() -> None:
    assert [one.rank for one in Certainty] == [0, 1, 2, 3]
    assert [one.value for one in Certainty] == ["unknown", "possible", "proved", "read"]
    assert [one.certain for one in Certainty] == [False, False, True, True]


@pytest.mark.parametrize("certainty", [Certainty.PROVED, Certainty.READ])
def test_a_declared_edge_is_never_certain(certainty: Certainty) -> None:
    with pytest.raises(ValidationError, match="a declared edge cannot be"):
        LineageEdge(consumer=0, source=1, capture=Capture.DECLARED, certainty=certainty)


def test_nodes_of_a_graph_without_a_step_are_unknown() -> None:
    lonely = LineageNode(node_id=3, kind=NodeKind.EXTERNAL, asset="s3://lake/a.csv")
    assert LineageGraph(nodes=(lonely,)).certainties() == {3: Certainty.UNKNOWN}
