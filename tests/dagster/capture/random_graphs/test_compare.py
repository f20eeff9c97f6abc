"""The comparison finds errors that are planted in a true closure."""

from dataclasses import dataclass

import pytest

from pedigree.lineage.records import Capture, Certainty, LineageEdge, LineageGraph, LineageNode
from pedigree.lineage.records import NodeKind as Kind
from tests.dagster.capture.random_graphs.compare import ComparisonResult, compare_closure
from tests.dagster.capture.random_graphs.ground_truth import GroundTruth, Write
from tests.dagster.capture.random_graphs.plans import ReadMode

READ, UNKNOWN = Certainty.READ, Certainty.UNKNOWN


@dataclass
class Fan:
    """Two days of `raw`, each with one of `clean`, and a model of both; all true."""

    ground_truth: GroundTruth
    root: Write
    graph: LineageGraph
    alive: frozenset[int]

    def judged(self, graph: LineageGraph | None = None) -> ComparisonResult:
        return compare_closure(graph or self.graph, self.root, self.alive, self.ground_truth)

    def node(self, number: int, **changes: object) -> LineageGraph:
        """Return the closure with one node changed."""
        nodes = list(self.graph.nodes)
        nodes[number] = nodes[number].model_copy(update=changes)
        return self.graph.model_copy(update={"nodes": tuple(nodes)})

    def certainty(self, certainty: Certainty) -> LineageGraph:
        """Return the closure with another certainty for all edges."""
        edges = [e.model_copy(update={"certainty": certainty}) for e in self.graph.edges]
        return self.graph.model_copy(update={"edges": tuple(edges)})


@pytest.fixture
def fan() -> Fan:
    ground_truth = GroundTruth()
    events = iter(range(11, 100))

    def written(asset: str, day: str | None, *of: Write) -> Write:
        step = ground_truth.begin()
        for each in of:
            step.note_loaded(each.token, ReadMode.LOADED)
        write = step.make(asset, [day], "plain")[day]
        ground_truth.add_event(write, next(events), f"v{write.token}")
        return write

    raw = [written("raw", day) for day in ("1", "2")]
    clean = [written("clean", each.partition, each) for each in raw]
    root = written("model", None, *clean)
    nodes = [LineageNode(node_id=0, kind=Kind.STEP, asset="model")]
    for number, write in enumerate([*clean, *raw], 1):
        nodes.append(
            LineageNode(
                node_id=number,
                kind=Kind.MATERIALIZATION,
                asset=write.asset,
                partition=write.partition,
                storage_id=write.events[0],
                data_version=write.data_version,
            )
        )
    edges = [
        LineageEdge(consumer=consumer, source=source, capture=Capture.READ, certainty=READ)
        for consumer, source in [(0, 1), (0, 2), (1, 3), (2, 4)]
    ]
    graph = LineageGraph(nodes=tuple(nodes), edges=tuple(edges))
    return Fan(ground_truth, root, graph, frozenset(ground_truth.by_event))


def without(graph: LineageGraph, number: int) -> LineageGraph:
    """Remove a node and its edges."""
    return graph.model_copy(
        update={
            "nodes": tuple(node for node in graph.nodes if node.node_id != number),
            "edges": tuple(e for e in graph.edges if number not in {e.consumer, e.source}),
        }
    )


def lost(graph: LineageGraph, certainty: Certainty, **facts: object) -> LineageGraph:
    """Replace raw's second day by a missing node."""
    node = LineageNode.model_validate({"node_id": 4, "kind": "missing", "asset": "raw", **facts})
    smaller = without(graph, 4)
    edge = LineageEdge(consumer=2, source=4, capture=Capture.PROVENANCE, certainty=certainty)
    return smaller.model_copy(
        update={"nodes": (*smaller.nodes, node), "edges": (*smaller.edges, edge)}
    )


def test_a_true_closure_has_no_findings(fan: Fan) -> None:
    verdict = fan.judged()
    assert verdict.findings == []
    assert [edge.exact for edge in verdict.edges] == [True] * 4


def test_a_removed_source_is_a_false_negative(fan: Fan) -> None:
    verdict = fan.judged(without(fan.graph, 4))
    assert [str(one.write) for one in verdict.missing] == ["raw[2]#12"]
    assert "clean[2]#14 ← raw[2]#12" in verdict.findings[0]
    assert [edge.exact for edge in verdict.edges] == [True, True, True, False]


def test_an_older_event_of_the_same_partition_is_a_false_negative(fan: Fan) -> None:
    assert fan.judged(fan.node(4, storage_id=1)).missing


def test_a_swapped_partition_in_a_certain_edge_is_wrong(fan: Fan) -> None:
    edges = list(fan.graph.edges)
    edges[3] = edges[3].model_copy(update={"source": 3})
    verdict = fan.judged(fan.graph.model_copy(update={"edges": tuple(edges)}))
    assert [(one.consumer.partition, one.source.partition) for one in verdict.wrong] == [("2", "1")]
    # the node still exists, so nothing is missing
    assert not verdict.missing


def test_a_false_edge_that_is_only_possible_is_not_wrong(fan: Fan) -> None:
    edges = [
        LineageEdge(
            consumer=consumer,
            source=source,
            capture=Capture.PROVENANCE,
            certainty=Certainty.POSSIBLE,
        )
        for consumer, source in [(0, 1), (0, 2), (1, 3), (1, 4), (2, 3), (2, 4)]
    ]
    verdict = fan.judged(fan.graph.model_copy(update={"edges": tuple(edges)}))
    assert verdict.findings == []
    assert not any(edge.exact for edge in verdict.edges)
    assert {(spread.possible, spread.true) for spread in verdict.spreads} == {(2, 2), (2, 1)}


@pytest.mark.parametrize(
    ("certainty", "facts", "covered"),
    [
        (UNKNOWN, {}, True),
        (UNKNOWN, {"partition": "2"}, True),
        (UNKNOWN, {"partition": "1"}, False),
        (UNKNOWN, {"asset": "other"}, False),
        (UNKNOWN, {"asset": "other", "upstream": ["raw"]}, True),
        (UNKNOWN, {"asset": "other", "upstream": ["more"]}, False),
        (UNKNOWN, {"asset": "other", "upstream": None}, True),
        # The event exists, so a certain edge must include it.
        (READ, {"partition": "2"}, False),
    ],
)
def test_what_is_unknown_covers_what_it_names_and_no_more(
    fan: Fan, certainty: Certainty, facts: dict[str, object], covered: bool
) -> None:
    verdict = fan.judged(lost(fan.graph, certainty, **facts))
    assert [write.asset for write in (one.write for one in verdict.missing)] == (
        [] if covered else ["raw"]
    )


def test_an_event_that_was_wiped_is_covered_by_its_partition_and_known_by_its_version(
    fan: Fan,
) -> None:
    fan.alive -= {12}
    assert fan.judged(lost(fan.graph, READ, partition="2")).findings == []
    assert fan.judged(fan.node(4, storage_id=1)).findings == []
    wrong = fan.judged(fan.node(4, storage_id=1, data_version="another")).wrong
    assert [one.source.asset for one in wrong] == ["raw"]
    # An edge whose event is deleted does not count.
    assert len(fan.judged().edges) == 3


def test_a_certain_edge_to_what_another_consumer_read_is_wrong(fan: Fan) -> None:
    edge = LineageEdge(consumer=0, source=3, capture=Capture.READ, certainty=Certainty.PROVED)
    graph = fan.graph.model_copy(update={"edges": (*fan.graph.edges, edge)})
    (wrong,) = fan.judged(graph).wrong
    assert "it actually read nothing of it" in str(wrong)
