"""Model cards."""

from collections.abc import Mapping
from typing import Protocol

from pedigree.cards.records import CardNotes, ModelCard


class CardContract(Protocol):
    """Model cards."""

    def card(self, reference: str) -> ModelCard:
        """Return a version's latest model card.

        Raises:
            NotFoundError: None was written yet.
        """

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        """Write a version's model card from what is known now; an unchanged card is left alone.

        Args:
            reference: The version.
            notes: What people have to say; the notes of the card before when None.
        """

    def renew_card(self, reference: str) -> None:
        """Write a version's card anew after something that it tells of has changed.

        A version without a card is left without. A card can be told from the record at any time,
        so a store that does not answer is logged and fails no change that was made already.
        """

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        """Say of each field of a version's model card whether it is provided."""
