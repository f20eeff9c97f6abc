"""Model cards."""

from collections.abc import Mapping
from typing import Protocol

from pedigree.cards.records import CardNotes, ModelCard


class CardContract(Protocol):
    """Model cards."""

    def card(self, reference: str) -> ModelCard:
        """Return a version's model card, which shows the record as it is now.

        The card is drawn if something happened to the model since it was kept. While the store does
        not answer, the card has no ``location``.

        Raises:
            NotFoundError: The reference names no version.
        """

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        """Write what people have to say in a version's model card, and return the card.

        An unchanged card is not written again.

        Args:
            reference: The version.
            notes: What people have to say; the notes of the card before when None.

        Raises:
            NotFoundError: The reference names no version.
            StoreUnavailableError: The store does not answer; nothing is written.
        """

    def renew_card(self, reference: str) -> None:
        """Draw a version's model card now if it is stale, as :meth:`card` does.

        Nobody has to: a card is drawn when it is read, and soon after each change.

        Raises:
            NotFoundError: The reference names no version.
        """

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        """Say of each field of a version's model card whether it is provided."""
