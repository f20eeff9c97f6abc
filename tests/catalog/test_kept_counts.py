"""Counts that a process keeps are those of a process that keeps none, after every change."""

from pathlib import Path

import psycopg
import pytest

from pedigree.catalog.overview.kept_counts import KeptCounts
from pedigree.catalog.overview.records import ModelFacet, ModelFilter, ModelPage
from pedigree.registry import Registry
from tests.factories import register
from tests.statements import sent_statements


def everything(registry: Registry, **filter: str) -> ModelPage:
    return registry.operations.models.overview(ModelFilter.model_validate(filter))


def teams(registry: Registry) -> dict[str, int]:
    facet = everything(registry).facets[ModelFacet.TEAM]
    return {each.value: each.models for each in facet.values}


@pytest.fixture
def known(registry: Registry, tmp_path: Path) -> Registry:
    """A registry whose counts are kept."""
    for number, team in enumerate(("risk", "risk", "growth")):
        registry.create_model(f"model-{number}", tags={"team": team})
    register(registry, tmp_path, "first", "model-0")
    everything(registry)
    return registry


def test_they_are_not_counted_again_as_long_as_they_hold(known: Registry, tmp_path: Path) -> None:
    with sent_statements() as sent:
        before = everything(known)
    assert sent == []
    register(known, tmp_path, "second", "model-0")  # which changes no count but that of versions
    with sent_statements() as sent:
        after = everything(known)
    assert sent == []
    assert after.facets == before.facets
    assert (before.all_versions, after.all_versions) == (1, 2)


def test_every_change_that_they_show_is_counted(known: Registry, tmp_path: Path) -> None:
    assert teams(known) == {"risk": 2, "growth": 1}
    known.update_model("model-1", tags={"team": "growth"})
    assert teams(known) == {"risk": 1, "growth": 2}
    known.delete_model("model-1", reason="it was a try")
    assert teams(known) == {"risk": 1, "growth": 1}
    assert everything(known).all_models == 2
    register(known, tmp_path, "new", "model-3")
    assert everything(known).all_models == 3
    known.update_model("model-3", description="about churn")
    assert everything(known, words="churn").fitting == 1
    known.update_model("model-3", description="about fraud")
    assert everything(known, words="churn").fitting == 0


def test_a_change_that_was_open_while_they_were_counted_is_counted_once_it_is_there(
    known: Registry, database_url: str
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute(
            'UPDATE pedigree.registered_model SET tags = \'{"team": "growth"}\''
            " WHERE name = 'model-0'"
        )
        with psycopg.connect(database_url) as later:  # a newer transaction, which is there before
            later.execute(
                'UPDATE pedigree.registered_model SET tags = \'{"team": "fleet"}\''
                " WHERE name = 'model-2'"
            )
        assert teams(known) == {"risk": 2, "fleet": 1}
        assert teams(known) == {"risk": 2, "fleet": 1}
    assert teams(known) == {"risk": 1, "fleet": 1, "growth": 1}


def test_a_change_that_is_rolled_back_changes_nothing(known: Registry, database_url: str) -> None:
    before = teams(known)
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE pedigree.registered_model SET tags = '{}' WHERE name = 'model-0'")
        other.rollback()
    assert teams(known) == before


def test_only_the_questions_of_late_are_kept() -> None:
    kept = KeptCounts()
    for number in range(2_000):
        kept.keep(number, {}, "1:1:")
    assert kept.get(0) is None
    assert kept.get(1_999) is not None
