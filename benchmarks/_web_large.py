"""A registry with what is large: a model of 100,000 versions, 10,000 moves, a deep lineage."""

from collections.abc import Mapping
from pathlib import Path

import psycopg

from benchmarks._million import small
from benchmarks._million_rows import Shape, name_of
from benchmarks.register import new_version
from pedigree import Registry
from pedigree.artifacts.records import ManifestFile, digest_of
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)

_SMALL = Shape(models=10, versions=10)
_LARGE = Shape(models=1, versions=100_000, first_model=11)
_NODES = 1_000
_MOVES = 10_000
_MOVED, _DEEP = "moved_often", "with_a_lineage"

PATHS: Mapping[str, str] = {
    "a model with ten versions": f"/models/{name_of(1)}",
    "a model with 100,000 versions": f"/models/{name_of(11)}",
    "a version of ten": f"/models/{name_of(1)}/versions/5",
    "a version of 100,000": f"/models/{name_of(11)}/versions/50000",
    "the list of models": "/",
    "a model with 10,000 moves": f"/models/{_MOVED}",
    "a lineage of 1,000 nodes, folded": f"/models/{_DEEP}/versions/1",
}
"""The pages, by what they show."""


def large(words: list[str]) -> Path:
    """Return the home folder of the registry; create it if it does not exist."""
    return small(words, _SMALL, _LARGE)


def complete(registry: Registry, owner_url: str) -> None:
    """Add what is not copied, unless it is there."""
    if any(model.name == _DEEP for model in registry.models()):
        return
    for number in range(2):
        _register(registry, _MOVED, number, LineageGraph())
    with psycopg.connect(owner_url) as connection:
        connection.execute(_MOVE_OFTEN, {"name": _MOVED, "moves": _MOVES})
    _register(registry, _DEEP, 0, _graph())


_MOVE_OFTEN = """
INSERT INTO pedigree.tenure (
    model_id, version, pointer, name, exclusive, held_since, held_until, moved_by, reason, ended_by
)
SELECT m.model_id, 1 + step.number %% 2, 'alias', 'champion', true,
    now() - step.number * interval '1 hour', now() - (step.number - 1) * interval '1 hour',
    'benchmark', 'it moves', 'move'
FROM pedigree.registered_model m, generate_series(%(moves)s::integer, 1, -1) AS step (number)
WHERE m.name = %(name)s
"""


def _graph() -> LineageGraph:
    """Return a graph in which each of ten direct inputs was derived, over a hundred steps."""
    step = LineageNode(node_id=0, kind=NodeKind.STEP, asset="model", run_id="run")
    nodes = [
        LineageNode(
            node_id=number,
            kind=NodeKind.MATERIALIZATION,
            asset=f"asset_{number:04}",
            storage_id=number,
            data_version=f"v{number}",
        )
        for number in range(1, _NODES)
    ]
    edges = [
        LineageEdge(
            consumer=max(0, number - 10),
            source=number,
            capture=Capture.READ,
            certainty=Certainty.READ,
        )
        for number in range(1, _NODES)
    ]
    return LineageGraph(nodes=(step, *nodes), edges=tuple(edges))


def _register(registry: Registry, name: str, number: int, graph: LineageGraph) -> None:
    content = f"{name} {number}".encode()
    file = ManifestFile(path="model.bin", size=len(content), digest=digest_of(content))
    new = new_version(f"run of {name} {number}").model_copy(update={"lineage": graph})
    registry.operations.registration.create(name, [file], new, {file.digest: content})
