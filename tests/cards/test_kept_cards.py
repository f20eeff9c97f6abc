"""The card that the registry keeps tells what the record says now."""

import logging
import shutil
from pathlib import Path

import pytest

from pedigree.cards.records import CardNotes
from pedigree.errors import VersionNotFoundError
from pedigree.registry import Registry
from tests.factories import promote_to_production, register_candidate


def test_a_promotion_and_a_rollback_are_told_on_the_cards_of_both_versions(
    registry: Registry, tmp_path: Path
) -> None:
    first = register_candidate(registry, tmp_path, "a")
    registry.write_card(first, CardNotes(primary_uses="to find who leaves"))
    promote_to_production(registry, first)
    assert "Now: stage production" in registry.card(first).markdown
    second = register_candidate(registry, tmp_path, "b")
    registry.write_card(second)
    promote_to_production(registry, second)
    assert "Now: stage archived" in registry.card(first).markdown
    registry.rollback("churn")
    assert "Now: stage production" in registry.card(first).markdown
    assert "Now: stage archived" in registry.card(second).markdown
    assert "to find who leaves" in registry.card(first).markdown


def test_an_unchanged_card_is_not_written_again(registry: Registry, tmp_path: Path) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    registry.write_card(reference)
    before = registry.events()
    registry.renew_card(reference)
    assert registry.card(reference).revision == 1
    assert registry.events() == before


def test_a_version_without_a_card_is_left_without(registry: Registry, tmp_path: Path) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    promote_to_production(registry, reference)
    with pytest.raises(VersionNotFoundError, match="no model card"):
        registry.card(reference)


def test_a_store_that_fails_fails_no_promotion(
    registry: Registry, tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    registry.write_card(reference)
    shutil.rmtree(home / "objects")
    (home / "objects").write_text("no folder any more")
    with caplog.at_level(logging.WARNING):
        assert registry.promote(reference, "staging").moved
    assert registry.get(reference).stage == "staging"
    assert [record.action for record in caplog.records] == ["card.renew"]
