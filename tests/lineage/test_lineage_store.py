from datetime import UTC, datetime
from pathlib import Path

import pytest

from pedigree.errors import InvalidInputError
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.registry import Registry
from tests.factories import artifact, new_version

GRAPH = LineageGraph(
    nodes=(
        LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn", run_id="run-1"),
        LineageNode(
            node_id=1,
            kind=NodeKind.MATERIALIZATION,
            asset="features",
            partition="2013-01",
            storage_id=7,
            run_id="run-0",
            data_version="abc",
            code_version="1",
            at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        LineageNode(node_id=2, kind=NodeKind.MISSING, asset="raw"),
    ),
    edges=(
        LineageEdge(consumer=0, source=1, capture=Capture.READ, certainty=Certainty.READ),
        LineageEdge(consumer=1, source=2, capture=Capture.PROVENANCE, certainty=Certainty.UNKNOWN),
    ),
    raced=True,
)


def test_a_graph_is_read_back_as_it_was_written(registry: Registry, tmp_path: Path) -> None:
    registry.register("churn", artifact(tmp_path / "a"), new_version(lineage=GRAPH))
    assert registry.lineage("churn/1") == GRAPH


def test_the_direct_inputs_are_the_inputs_of_the_step() -> None:
    ((node, capture),) = GRAPH.inputs()
    assert (node.asset, node.partition, capture) == ("features", "2013-01", Capture.READ)


def test_a_further_training_has_its_own_lineage(registry: Registry, tmp_path: Path) -> None:
    registry.register("churn", artifact(tmp_path / "a"), new_version(lineage=GRAPH))
    later = LineageGraph(nodes=GRAPH.nodes[:1])
    registry.register("churn", artifact(tmp_path / "a"), new_version(run_id="run-2", lineage=later))
    assert registry.lineage("churn/1") == GRAPH
    assert registry.lineage("churn/1", newest=True) == later


def test_staleness_is_unknown_without_recorded_lineage(registry: Registry, tmp_path: Path) -> None:
    registry.register("churn", artifact(tmp_path / "a"), new_version())
    assert registry.stale("churn/1").stale is None
    assert registry.lineage("churn/1") == LineageGraph()


def test_a_character_that_cannot_be_stored_is_refused(registry: Registry, tmp_path: Path) -> None:
    node = LineageNode(node_id=1, kind=NodeKind.MISSING, asset="raw")
    for field in ("asset", "partition", "data_version", "upstream"):
        value = ("a\0b",) if field == "upstream" else "a\0b"
        graph = LineageGraph(nodes=(node.model_copy(update={field: value}),))
        with pytest.raises(InvalidInputError, match="NUL character"):
            registry.register("churn", artifact(tmp_path / "a"), new_version(lineage=graph))
