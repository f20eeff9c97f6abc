"""The returned and the stored card show the current record."""

import logging
from pathlib import Path

import pytest

from pedigree.audit.event_types import EventType
from pedigree.cards.named import named
from pedigree.cards.records import CardNotes
from pedigree.errors import ModelNotFoundError, StoreUnavailableError, VersionNotFoundError
from pedigree.registry import Registry
from tests.factories import promote_to_production, register_candidate
from tests.maintenance.collecting import require_sound


def test_a_promotion_and_a_rollback_show_on_the_cards_of_both_versions(
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


def test_every_version_has_a_card_with_an_address_after_drawing(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    assert registry.get(reference).model_card_uri is None
    card = registry.card(reference)
    assert (card.revision, registry.get(reference).model_card_uri) == (1, card.uri)
    assert card.location is not None
    stored = Path(card.location.removeprefix("file://")).read_text()
    assert named(stored, registry.context.names) == card.markdown


def test_a_missing_version_has_no_card(registry: Registry, tmp_path: Path) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    registry.card(reference)
    registry.delete(reference, reason="test")
    for wrong in (reference, "churn/2"):
        with pytest.raises(VersionNotFoundError):
            registry.card(wrong)
        with pytest.raises(VersionNotFoundError):
            registry.write_card(wrong)
    for wrong in ("nobody/1", "Churn/1"):
        with pytest.raises(ModelNotFoundError):
            registry.card(wrong)


def test_the_service_is_the_actor_of_a_card_and_a_person_of_its_notes(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    registry.card(reference)
    registry.write_card(reference, CardNotes(contact="ann"))
    drawn, written = registry.events(types=[EventType.VERSION_UPDATED])
    assert (drawn.actor.name, written.actor.name) == ("service:cards", "tester")
    assert written.body == {"model_card": registry.card(reference).digest}


def test_notes_are_stored_even_if_the_text_stays_the_same(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    first = registry.write_card(reference, CardNotes(caveats=""))
    second = registry.write_card(reference, CardNotes())
    assert first.digest == second.digest
    assert second.revision == first.revision + 1
    require_sound(registry)


def test_a_failing_store_fails_neither_promotions_nor_reads(
    registry: Registry, tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = register_candidate(registry, tmp_path, "a")
    before = registry.write_card(reference)
    objects = home / "objects"
    objects.rename(home / "away")
    objects.write_text("no folder any more")
    assert registry.promote(reference, "staging").moved
    with caplog.at_level(logging.WARNING):
        card = registry.card(reference)
    assert [record.action for record in caplog.records] == ["card.postponed"]
    assert "Now: stage staging" in card.markdown
    assert (card.location, card.revision) == (None, before.revision + 1)
    assert registry.get(reference).model_card_uri == before.uri
    with pytest.raises(StoreUnavailableError):
        registry.write_card(reference, CardNotes(contact="ann"))
    objects.unlink()
    (home / "away").rename(objects)
    kept = registry.card(reference)
    assert (kept.digest, kept.revision) == (card.digest, card.revision)
    assert kept.location is not None
