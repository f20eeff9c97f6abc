"""Versions that were certainly or possibly trained on a version, or for which it is unknown."""

from pathlib import Path

import pytest

from pedigree.catalog.records import TrainingOrigin
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.registry import Registry
from tests.factories import promote_to_production, register, register_candidate
from tests.lineage.graphs import graph, missing, node

TEACHER = TrainingOrigin(asset="models/teacher")


@pytest.fixture
def teacher(registry: Registry, tmp_path: Path) -> str:
    """The digest of teacher/1, which is in production and was trained by an asset."""
    register(registry, tmp_path, "before", "earlier", lineage=graph(missing(1, "models/teacher")))
    reference = register_candidate(registry, tmp_path, "t", "teacher", origin=TEACHER)
    promote_to_production(registry, reference)
    return registry.get(reference).digest


def test_downstream_distinguishes_certain_possible_and_unknown(
    registry: Registry, teacher: str, tmp_path: Path
) -> None:
    asset, stage = "models/teacher", "models/teacher/production"
    students: dict[str, LineageGraph] = {
        "read": graph(node(1, stage, version=teacher)),
        "proved": graph(node(1, "scores"), behind=(node(2, asset, version=teacher),)),
        "possible": graph(
            node(1, "scores"),
            behind=(node(2, asset, version=teacher),),
            certainty=Certainty.POSSIBLE,
        ),
        "lost": graph(missing(1, asset)),
        "named": graph(missing(1, "scores", upstream=("raw", stage))),
        "unbounded": graph(missing(1, "scores", upstream=None)),
        "another": graph(node(1, stage, version="sha256:other")),
        "elsewhere": graph(missing(1, "scores", upstream=("models/other",))),
    }
    for name, lineage in students.items():
        register(registry, tmp_path, name, name, lineage=lineage)
    register(registry, tmp_path, "p", "path")
    found = registry.downstream("teacher/1")
    assert found.versions == ("proved/1", "read/1")
    assert found.possible == ("possible/1",)
    assert found.unknown == ("lost/1", "named/1", "unbounded/1")
    assert found.without_lineage == 1


def test_nothing_is_trained_on_a_version_without_an_asset(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a", "loose")
    register(registry, tmp_path, "b", "later", lineage=graph(missing(1, "scores", upstream=None)))
    found = registry.downstream("loose/1")
    assert (found.versions, found.possible, found.unknown) == ((), (), ())


def test_a_stage_that_the_version_never_held_does_not_count(
    registry: Registry, teacher: str, tmp_path: Path
) -> None:
    only_staging = graph(missing(1, "scores", upstream=("models/teacher/canary",)))
    register(registry, tmp_path, "s", "student", lineage=only_staging)
    assert registry.downstream("teacher/1").unknown == ()
