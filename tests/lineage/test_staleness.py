"""Whether a version is stale: yes, no, or unknown."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from pedigree.lineage.records import Capture, Certainty, LineageGraph, LineageNode, NodeKind
from pedigree.lineage.staleness import (
    AssetPartition,
    InputNow,
    Staleness,
    compared,
    observed_inputs,
)
from pedigree.registry import Registry
from tests.factories import promote_to_production, register_candidate
from tests.lineage.graphs import STEP, edge, graph, missing, node

UNCHANGED = InputNow(data_version="v1", data_behind=0, code_behind=0)
CHANGED = InputNow(data_version="v2", data_behind=1, code_behind=0)


def asked(lineage: LineageGraph, now: InputNow, newer_code: tuple[str, ...] = ()) -> Staleness:
    """Compare a training with an asset graph in which all inputs have the same state."""
    inputs = observed_inputs(lineage)
    return compared(lineage, {(one.asset, one.partition): now for one in inputs}, newer_code)


def with_edge(source: LineageNode, certainty: Certainty) -> LineageGraph:
    """Return a training whose only input has a certainty."""
    direct = edge(0, source.node_id, certainty, Capture.DECLARED)
    return LineageGraph(nodes=(STEP, source), edges=(direct,))


def unbounded(lineage: LineageGraph) -> LineageGraph:
    """Return the same training with a step whose other inputs are unknown."""
    step = STEP.model_copy(update={"upstream": None})
    return lineage.model_copy(update={"nodes": (step, *lineage.nodes[1:])})


READ = graph(node(1, "features"))
POSSIBLE = with_edge(node(1, "features"), Certainty.POSSIBLE)
EXTERNAL = graph(node(1, "s3://lake/a.csv", kind=NodeKind.EXTERNAL))


@pytest.mark.parametrize(
    ("lineage", "now", "stale"),
    [
        (READ, UNCHANGED, False),
        (READ, CHANGED, True),
        (graph(), UNCHANGED, False),
        (POSSIBLE, UNCHANGED, None),
        (POSSIBLE, CHANGED, None),
        (graph(missing(1, "features")), UNCHANGED, None),
        (graph(node(1, "features"), missing(2, "weather")), UNCHANGED, None),
        (graph(node(1, "features"), missing(2, "weather")), CHANGED, True),
        (EXTERNAL, UNCHANGED, None),
        (unbounded(READ), UNCHANGED, None),
        (unbounded(READ), CHANGED, True),
        (LineageGraph(), UNCHANGED, None),
    ],
)
def test_stale_is_false_only_if_all_inputs_are_certain_and_unchanged(
    lineage: LineageGraph, now: InputNow, stale: bool | None
) -> None:
    assert asked(lineage, now).stale is stale


def test_newer_code_is_certain(registry: Registry) -> None:
    assert asked(POSSIBLE, UNCHANGED, ("2",)).stale is True


def test_staleness_is_unknown_without_an_accessible_graph() -> None:
    assert Staleness(known=False).stale is None


def test_staleness_stored_by_an_earlier_release_is_never_false() -> None:
    assert Staleness.model_validate({"known": True}).stale is None
    kept = {"asset": "a", "trained_on": "1", "now": "2", "data_behind": 1, "code_behind": 0}
    assert Staleness.model_validate({"known": True, "inputs": [kept]}).stale is None


def test_unclear_inputs_are_listed() -> None:
    months = [node(number, "features", f"2026-{number:02}") for number in (1, 2, 3)]
    lineage = LineageGraph(
        nodes=(STEP, *months, node(4, "raw", kind=NodeKind.EXTERNAL), missing(5, "rates")),
        edges=(
            edge(0, 1, Certainty.READ),
            edge(0, 2, Certainty.POSSIBLE),
            edge(0, 3, Certainty.POSSIBLE),
            edge(0, 4, Certainty.POSSIBLE, Capture.DECLARED),
            edge(0, 5, Certainty.UNKNOWN),
        ),
    )
    found = [
        (one.asset, one.partitions, one.certainty.value, one.in_graph)
        for one in asked(lineage, UNCHANGED).unclear
    ]
    assert found == [
        ("features", 2, "possible", True),
        ("rates", 0, "unknown", False),
        ("raw", 0, "possible", False),
    ]


def test_the_oldest_of_several_possible_states_is_compared() -> None:
    older, newer = node(1, "features", version="v1"), node(2, "features", version="v2")
    lineage = LineageGraph(
        nodes=(STEP, newer, older),
        edges=(edge(0, 1, Certainty.POSSIBLE), edge(0, 2, Certainty.POSSIBLE)),
    )
    assert observed_inputs(lineage) == (older,)
    read = LineageGraph(
        nodes=(STEP, newer, older),
        edges=(edge(0, 1, Certainty.POSSIBLE), edge(0, 2, Certainty.READ)),
    )
    assert observed_inputs(read) == (newer,)


def test_the_staleness_stored_for_search_equals_the_returned_one(
    registry: Registry, tmp_path: Path
) -> None:
    answers: Mapping[str, tuple[LineageGraph, InputNow, bool | None]] = {
        "a": (READ, UNCHANGED, False),
        "b": (READ, CHANGED, True),
        "c": (POSSIBLE, CHANGED, None),
    }
    for content, (lineage, now, stale) in answers.items():
        reference = register_candidate(registry, tmp_path, content, content * 3, lineage=lineage)
        promote_to_production(registry, reference)
        place: AssetPartition = ("features", None)
        assert registry.operations.staleness.keep_staleness(reference, {place: now}).stale is stale
        kept = registry.stale(reference)
        assert (kept.stale, kept.seen_at is not None) == (stale, True)
    for text, found in (
        ("stale = true", ["bbb"]),
        ("stale = false", ["aaa"]),
        ("stale IS NULL", ["ccc"]),
    ):
        assert [one.model_name for one in registry.search(text)] == found
