from pathlib import Path

import pytest

from pedigree.catalog.diff_records import DataChange, FileChange, ValueChange
from pedigree.errors import VersionNotFoundError
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.registry import Registry
from tests.factories import SIGNATURE, artifact, new_version, register
from tests.lineage.graphs import STEP, edge, graph, node


def trained_on(**data: str) -> LineageGraph:
    """The lineage of a step that read some partitions of one table, each in a data version."""
    nodes = [LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn")]
    nodes += [
        LineageNode(
            node_id=number,
            kind=NodeKind.MATERIALIZATION,
            asset="events",
            partition=partition,
            data_version=version,
        )
        for number, (partition, version) in enumerate(data.items(), start=1)
    ]
    edges = [
        LineageEdge(consumer=0, source=node.node_id, capture=Capture.READ, certainty=Certainty.READ)
        for node in nodes
    ]
    return LineageGraph(nodes=tuple(nodes), edges=tuple(edges[1:]))


@pytest.fixture
def compared(registry: Registry, tmp_path: Path) -> Registry:
    old = artifact(tmp_path / "old", "weights")
    (old / "notes.txt").write_text("gone")
    registry.register(
        "churn",
        old,
        new_version(
            metrics={"auc": 0.8, "f1": 0.5},
            params={"depth": 3, "loss": "log"},
            tags={"team": "growth"},
            environment=("numpy==2.4.6", "pandas==2.2"),
            lineage=trained_on(january="v1", february="v1"),
        ),
    )
    new = artifact(tmp_path / "new", "weights, more")
    registry.register(
        "scoring",
        new,
        new_version(
            metrics={"auc": 0.9, "recall": 0.7},
            params={"depth": 5, "loss": "log"},
            tags={"team": "growth", "tier": "gold"},
            environment=("numpy==2.5.5", "scipy==1.16"),
            lineage=trained_on(february="v2", march="v1"),
            signature=SIGNATURE.model_copy(update={"inputs": (*SIGNATURE.inputs, AGE)}),
            git_commit="f" * 40,
            description="who leaves",
        ),
    )
    return registry


AGE = SIGNATURE.inputs[0].model_copy(update={"name": "calls"})


def test_versions_of_two_models_are_compared_in_every_part(compared: Registry) -> None:
    found = compared.compare("churn/1", "scoring@latest")
    assert (found.a, found.b) == ("churn/1", "scoring/1")
    metrics = {one.name: (one.a, one.b, one.delta) for one in found.metrics}
    assert metrics["auc"] == (0.8, 0.9, pytest.approx(0.1))
    assert metrics["f1"] == (0.5, None, None)
    assert metrics["recall"] == (None, 0.7, None)
    assert found.params == (ValueChange(name="depth", a=3, b=5),)
    assert found.tags == (ValueChange(name="tier", a=None, b="gold"),)
    assert found.breaks
    assert "calls" in found.signature[0].what
    assert found.data == (
        DataChange(
            asset="events",
            partition="february",
            read_by_a=True,
            read_by_b=True,
            a="v1",
            b="v2",
            certainty_a="read",
            certainty_b="read",
        ),
        DataChange(
            asset="events",
            partition="january",
            read_by_a=True,
            read_by_b=False,
            a="v1",
            b=None,
            certainty_a="read",
            certainty_b=None,
        ),
        DataChange(
            asset="events",
            partition="march",
            read_by_a=False,
            read_by_b=True,
            a=None,
            b="v1",
            certainty_a=None,
            certainty_b="read",
        ),
    )
    assert [one.name for one in found.code] == ["git_commit", "environment_hash"]
    assert found.packages == (
        ValueChange(name="numpy", a="2.4.6", b="2.5.5"),
        ValueChange(name="pandas", a="2.2", b=None),
        ValueChange(name="scipy", a=None, b="1.16"),
    )
    assert found.files == (
        FileChange(path="model.bin", size_a=7, size_b=13),
        FileChange(path="notes.txt", size_a=4, size_b=None),
    )
    assert found.about == (ValueChange(name="description", a=None, b="who leaves"),)


def test_a_version_equals_itself(compared: Registry) -> None:
    found = compared.compare("churn/1", "churn@latest")
    assert not found.breaks
    assert [one.delta for one in found.metrics] == [0.0, 0.0]
    assert found.data_certain
    assert found.signature_known
    assert found.files_known
    known = {"data_certain", "signature_known", "files_known"}
    differences = found.model_dump(exclude={"a", "b", "metrics", *known})
    assert not any(differences.values())


def test_possible_direct_inputs_are_marked_as_possible(registry: Registry, tmp_path: Path) -> None:
    """Of two possible states of one partition both are named."""
    older, newer = node(1, "events", "may", "v1"), node(2, "events", "may", "v2")
    lineage = LineageGraph(
        nodes=(STEP, older, newer),
        edges=(edge(0, 1, Certainty.POSSIBLE), edge(0, 2, Certainty.POSSIBLE)),
    )
    register(registry, tmp_path, "a", lineage=lineage)
    register(registry, tmp_path, "b", lineage=graph(newer))
    found = registry.compare("churn/1", "churn/2")
    assert not found.data_certain
    (change,) = found.data
    assert (change.a, change.certainty_a) == ("v1, v2", Certainty.POSSIBLE)
    assert (change.b, change.certainty_b) == ("v2", Certainty.READ)
    register(registry, tmp_path, "c")
    assert not registry.compare("churn/2", "churn/3").data_certain


def test_what_does_not_exist_cannot_be_compared(compared: Registry) -> None:
    with pytest.raises(VersionNotFoundError):
        compared.compare("churn/1", "churn/9")
