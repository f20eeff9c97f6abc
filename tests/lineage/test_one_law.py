"""Impact, quarantine and search follow the same law of paths for any graph."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pedigree.lineage.records import Certainty, LineageGraph, LineageNode, NodeKind
from pedigree.registry import Registry
from tests.factories import artifact, new_version
from tests.lineage.graphs import STEP, edge, missing, node

ASSETS = ("a", "b", "c")
PARTITIONS = (None, "p", "q")
QUESTIONS = [(asset, partition) for asset in ASSETS for partition in PARTITIONS]
_numbers = count()


@st.composite
def nodes(draw: st.DrawFn, number: int) -> LineageNode:
    asset, partition = draw(st.sampled_from(QUESTIONS))
    if draw(st.booleans()):
        return node(number, asset, partition)
    upstream = draw(st.none() | st.lists(st.sampled_from(ASSETS), max_size=2, unique=True))
    return missing(number, asset, partition, upstream=None if upstream is None else tuple(upstream))


@st.composite
def graphs(draw: st.DrawFn) -> LineageGraph:
    """Draw trainings that used some or no nodes, or have no lineage."""
    size = draw(st.integers(-1, 4))
    if size < 0:
        return LineageGraph()
    found = [draw(nodes(number)) for number in range(1, size + 1)]
    edges = []
    for each in found:
        consumer = draw(st.integers(0, each.node_id - 1))
        kind = found[consumer - 1].kind if consumer else NodeKind.STEP
        certainty = draw(st.sampled_from(Certainty))
        edges.append(edge(0 if kind is NodeKind.MISSING else consumer, each.node_id, certainty))
    step = STEP.model_copy(update={"upstream": draw(st.sampled_from([(), (), ("c",), None]))})
    return LineageGraph(nodes=(step, *found), edges=tuple(edges))


def answer(graph: LineageGraph, asset: str, partition: str | None) -> Certainty | None:
    """Return how certain it is that a training depends on some data; None if it does not."""
    certainties = graph.certainties()

    def found() -> Iterator[Certainty]:
        for one in graph.nodes:
            if one.upstream is None or asset in one.upstream:
                yield Certainty.UNKNOWN
            if one.kind is NodeKind.STEP or one.asset != asset:
                continue
            if one.kind is NodeKind.MISSING and one.partition is None:
                yield Certainty.POSSIBLE if partition is None else Certainty.UNKNOWN
            elif partition in {None, one.partition}:
                yield certainties[one.node_id]

    return max(found(), key=lambda each: each.rank, default=None)


def register(registry: Registry, folder: Path, lineage: LineageGraph) -> str:
    """Register a new model, whose only training has a lineage."""
    name = f"model_{next(_numbers)}"
    registry.register(name, artifact(folder / name, name), new_version(lineage=lineage))
    return name


@given(lineages=st.lists(graphs(), min_size=12, max_size=12))
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.parametrize("only_certain", [False, True])
def test_impact_quarantine_and_search_follow_the_law_of_paths(
    registry: Registry, tmp_path: Path, only_certain: bool, lineages: list[LineageGraph]
) -> None:
    named = {register(registry, tmp_path, lineage): lineage for lineage in lineages}
    for asset, partition in QUESTIONS:
        expected = {name: answer(lineage, asset, partition) for name, lineage in named.items()}
        impact = registry.impact(asset, partition)
        found = {
            one.model_name: one.certainty
            for one in (*impact.certain, *impact.possible, *impact.unknown)
        }
        assert {name: found.get(name) for name in named} == expected
        reason = f"{asset}/{partition}"
        made = registry.quarantine(asset, partition, reason=reason, only_certain=only_certain)
        for name, certainty in expected.items():
            assert (f"{name}/1" in made.versions) is marks(certainty, only_certain)
            assert (f"{name}/1" in made.unknown) is (certainty is Certainty.UNKNOWN)
        condition = "IS NOT NULL" if partition is None else f"= '{partition}'"
        uses = names_found(registry, f"lineage.{asset} {condition}")
        not_uses = names_found(registry, f"NOT (lineage.{asset} {condition})")
        for name, certainty in expected.items():
            assert (name in uses) is (certainty not in {None, Certainty.UNKNOWN})
            assert (name in not_uses) is (certainty is None and bool(named[name].nodes))
    # What comes later is marked alike.
    for lineage in lineages:
        reason = registry.get(f"{register(registry, tmp_path, lineage)}/1").quarantine_reason
        wanted = {
            f"{asset}/{partition}"
            for asset, partition in QUESTIONS
            if marks(answer(timed(lineage), asset, partition), only_certain)
        }
        assert set((reason or "").split("; ")) - {""} == wanted
    for asset, partition in QUESTIONS:
        registry.release(asset, partition, whole_asset=partition is None)


def marks(certainty: Certainty | None, only_certain: bool) -> bool:
    possible = certainty is Certainty.POSSIBLE and not only_certain
    return certainty is not None and (certainty.certain or possible)


def names_found(registry: Registry, text: str) -> set[str]:
    return {one.model_name for one in registry.search(text, limit=1000).records}


def timed(lineage: LineageGraph) -> LineageGraph:
    """Return the same training, but nodes without a time, which may be newer, are uncertain."""
    timeless = {one.node_id for one in lineage.nodes if one.at is None}
    edges = [
        one.model_copy(
            update={"certainty": min(one.certainty, Certainty.POSSIBLE, key=lambda each: each.rank)}
        )
        if one.source in timeless
        else one
        for one in lineage.edges
    ]
    return lineage.model_copy(update={"edges": tuple(edges)})
