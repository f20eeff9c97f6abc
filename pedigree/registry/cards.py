"""Model cards: read them, and write people's notes in them."""

from collections.abc import Mapping

from pedigree.access.records import Permission
from pedigree.cards.completeness import card_fields
from pedigree.cards.drawing import draw_card
from pedigree.cards.named import named
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.cards.store import card_notes
from pedigree.cards.writer import CardWriter
from pedigree.catalog.names import name_key
from pedigree.catalog.references import parse_number, parse_reference
from pedigree.contract.cards import CardContract
from pedigree.lineage.store import read_lineage
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class CardOperations(ContextGroup, CardContract):
    """Model cards."""

    def card(self, reference: str) -> ModelCard:
        parsed = parse_reference(reference)
        self._context.require(Permission.READ, parsed.name)
        return self._named(self._shown(self._writer.read(parsed)))

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        parsed = parse_reference(reference)
        self._context.require(Permission.DESCRIBE, parsed.name)
        return self._named(self._shown(self._writer.write(parsed, notes, self._context.actor())))

    def renew_card(self, reference: str) -> None:
        self.card(reference)

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        return self._context.read_version(
            reference,
            lambda connection, version: card_fields(version, card_notes(connection, version)),
        )

    def _shown(self, card: ModelCard) -> ModelCard:
        """Return a card, drawn without the versions that the principal may not read."""
        if not self._context.is_limited:
            return card
        parsed, number = parse_number(card.reference)

        def read(transaction: Transaction) -> ModelCard:
            sight = self._context.sight(transaction)
            whole = read_lineage(transaction, name_key(parsed.name), number, newest=False)
            if sight.graph(whole) == whole:
                return card
            drawn = draw_card(transaction, parsed.name, number, shown=sight.graph).card
            stored = {"revision": card.revision, "created_at": card.created_at, "location": None}
            return drawn.model_copy(update=stored)

        return self._context.database.read(read)

    def _named(self, card: ModelCard) -> ModelCard:
        return card.model_copy(update={"markdown": named(card.markdown, self._context.names)})

    @property
    def _writer(self) -> CardWriter:
        return CardWriter(self._context.database, self._context.store)
