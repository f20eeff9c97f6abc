"""Model cards: read them, and write people's notes in them."""

from collections.abc import Mapping

from pedigree.access.records import Permission
from pedigree.cards.completeness import card_fields
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.cards.store import card_notes
from pedigree.cards.writer import CardWriter
from pedigree.catalog.references import parse_reference
from pedigree.contract.cards import CardContract
from pedigree.registry.context import ContextGroup


class CardOperations(ContextGroup, CardContract):
    """Model cards."""

    def card(self, reference: str) -> ModelCard:
        parsed = parse_reference(reference)
        self._context.require(Permission.READ, parsed.name)
        return self._writer.read(parsed)

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        parsed = parse_reference(reference)
        self._context.require(Permission.DESCRIBE, parsed.name)
        return self._writer.write(parsed, notes, self._context.actor())

    def renew_card(self, reference: str) -> None:
        self.card(reference)

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        return self._context.read_version(
            reference,
            lambda connection, version: card_fields(version, card_notes(connection, version)),
        )

    @property
    def _writer(self) -> CardWriter:
        return CardWriter(self._context.database, self._context.store)
