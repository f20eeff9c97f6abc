"""Model cards."""

from collections.abc import Mapping
from typing import Protocol

from pedigree.cards.records import CardNotes, ModelCard


class CardContract(Protocol):
    """Model cards."""

    def card(self, reference: str) -> ModelCard:
        """Return a version's model card, which shows the current record.

        The card is rendered again if an event of the model is newer than the stored card. While the
        store does not answer, the card has no ``location``.

        Raises:
            NotFoundError: The reference names no version.
        """

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        """Write people's notes into a version's model card, and return the card.

        An unchanged card is not written again.

        Args:
            reference: The version.
            notes: The notes; those of the previous card when None.

        Raises:
            NotFoundError: The reference names no version.
            StoreUnavailableError: The store does not answer; nothing is written.
        """

    def renew_card(self, reference: str) -> None:
        """Render a version's model card now if it is stale, as :meth:`card` does.

        This is optional: a card is rendered when it is read, and soon after each change.

        Raises:
            NotFoundError: The reference names no version.
        """

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        """Return for each field of a version's model card whether it is provided."""
