"""Write model cards to Postgres and the object store: blob first, pointer second."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from pedigree.access.reserved import CARDS
from pedigree.artifacts.content_upload import upload_contents
from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.store import locate
from pedigree.audit.records import Actor
from pedigree.cards.blocks import contents_of, insert_cards
from pedigree.cards.drawing import WantedCard, draw_card, draw_cards
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.cards.store import (
    CardOvertakenError,
    DrawnCard,
    card_state,
    insert_card,
    note_event,
)
from pedigree.catalog import lookups
from pedigree.catalog.references import Reference
from pedigree.catalog.restored_bytes import restored_by
from pedigree.errors import NotFoundError, StoreUnavailableError
from pedigree.postgres.database import Database
from pedigree.postgres.nested import NestedDatabase
from pedigree.postgres.transaction import Transaction

_LOG = logging.getLogger(__name__)


class CardWriter:
    """Draws the cards of versions, and stores those whose text or notes have changed.

    Several processes may do so at once: if two draw the same card, the second one finds the text
    unchanged.
    """

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    def read(self, reference: Reference) -> ModelCard:
        """Return a version's card, which is drawn if an event of its model is newer.

        Inside a transaction, and while the store does not answer, the card has the current text but
        no location: it is not stored.

        Raises:
            NotFoundError: There is no such version.
        """
        name, number = self._resolve(reference)
        current = self._database.read(lambda tx: self._current(tx, name, number))
        if current is not None:
            return current
        if isinstance(self._database, NestedDatabase):
            return self._drawn(name, number)
        try:
            return self._keep(name, number, None, CARDS)
        except StoreUnavailableError as error:
            _LOG.warning(
                "the model card of %s/%s cannot be stored: %s",
                name,
                number,
                error,
                extra={"action": "card.postponed", "reference": f"{name}/{number}"},
            )
            return self._drawn(name, number)

    def write(self, reference: Reference, notes: CardNotes | None, actor: Actor) -> ModelCard:
        """Draw a version's card with people's notes, store it, and return it.

        Args:
            reference: The version.
            notes: People's notes; those of the previous card when None.
            actor: Who writes them.

        Raises:
            NotFoundError: There is no such version.
            StoreUnavailableError: The store does not answer; nothing is written.
        """
        return self._keep(*self._resolve(reference), notes, actor)

    def follow(self, wanted: Sequence[WantedCard]) -> int:
        """Draw and store the cards that do not show their events; return how many were drawn.

        It takes one statement that reads and one transaction that writes, whatever the number of
        cards.

        Raises:
            StoreUnavailableError: The store does not answer; nothing is written.
        """
        drawn = self._database.read(lambda transaction: draw_cards(transaction, wanted))
        if not drawn:
            return 0
        overtaken = upload_contents(
            self._database,
            self._store,
            contents_of(drawn),
            lambda tx: insert_cards(tx, drawn, CARDS),
            restored_by(CARDS),
        )
        for each in overtaken:
            with suppress(NotFoundError):
                self._keep(each.version.model_name, each.version.version_id, None, CARDS)
        return len(drawn)

    def _resolve(self, reference: Reference) -> tuple[str, int]:
        if reference.version is not None:
            return reference.name, reference.version
        version = self._database.read(lambda tx: lookups.find_version(tx, reference))
        return version.model_name, version.version_id

    def _current(self, transaction: Transaction, name: str, number: int) -> ModelCard | None:
        """Return the stored card, unless an event is newer or the version is deleted."""
        state = card_state(transaction, name, number)
        if state.card is None or not state.is_current:
            return None
        lookups.find_version(transaction, Reference(name=name, version=number))
        return self._located(transaction, state.card)

    def _drawn(self, name: str, number: int) -> ModelCard:
        return self._database.read(lambda tx: draw_card(tx, name, number)).card

    def _keep(self, name: str, number: int, notes: CardNotes | None, actor: Actor) -> ModelCard:
        while True:  # each repetition follows a card that another process has written
            with suppress(CardOvertakenError):
                return self._draw_and_keep(name, number, notes, actor)

    def _draw_and_keep(
        self, name: str, number: int, notes: CardNotes | None, actor: Actor
    ) -> ModelCard:
        def draw(transaction: Transaction) -> tuple[DrawnCard, ModelCard | None]:
            drawn = draw_card(transaction, name, number, notes)
            if not drawn.is_unchanged:
                return drawn, None
            note_event(transaction, drawn)
            return drawn, self._located(transaction, drawn.card)

        def end(transaction: Transaction) -> ModelCard:
            return self._located(transaction, insert_card(transaction, drawn, actor))

        drawn, unchanged = self._database.transaction(draw)
        if unchanged is not None:
            return unchanged
        contents = contents_of([drawn])
        return upload_contents(self._database, self._store, contents, end, restored_by(actor))

    def _located(self, transaction: Transaction, card: ModelCard) -> ModelCard:
        key = locate(transaction, {card.digest})[card.digest]
        return card.model_copy(update={"location": self._store.location(key)})
