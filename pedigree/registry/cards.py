"""Model cards: write them, keep them true, and find them."""

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pedigree.artifacts.blob_upload import BlobUpload, PendingBlob
from pedigree.artifacts.records import digest_of
from pedigree.artifacts.store import retry_if_collected
from pedigree.cards.completeness import card_fields
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.cards.render import render_card
from pedigree.cards.store import card_notes, insert_card, latest_card
from pedigree.catalog import lookups
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.errors import NotFoundError, UnavailableError
from pedigree.lifecycle import promotion_queue
from pedigree.lifecycle.tenures import tenures_of
from pedigree.lineage.store import read_lineage
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import keys_of
from pedigree.registry.versions import ReadingOperations

_LOG = logging.getLogger(__name__)


class DrawnCard(NamedTuple):
    """The text of a version's card, before it is kept."""

    version: ModelVersion
    markdown: str
    notes: CardNotes

    @property
    def content(self) -> bytes:
        """The text's bytes."""
        return self.markdown.encode()

    @property
    def blob(self) -> PendingBlob:
        """What is brought into the store."""
        return PendingBlob(digest_of(self.content), len(self.content))


class CardOperations(ReadingOperations):
    """Verbs for model cards."""

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        """Write a version's model card from what is known now; an unchanged card is left alone.

        Args:
            reference: The version.
            notes: What people have to say; the notes of the card before when None.
        """
        return self.card(self._write_card(reference, notes).reference)

    def _write_card(
        self,
        reference: str,
        notes: CardNotes | None = None,
        *,
        then: Callable[[Transaction], object] | None = None,
    ) -> ModelVersion:
        parsed = parse_reference(reference)

        def draw(transaction: Transaction) -> DrawnCard:
            return draw_card(transaction, lookups.find_version(transaction, parsed), notes)

        return retry_if_collected(lambda: self._bring_card(draw, then))

    def _bring_card(
        self,
        draw: Callable[[Transaction], DrawnCard],
        then: Callable[[Transaction], object] | None = None,
    ) -> ModelVersion:
        """Draw a version's card in one transaction, put its bytes, and point to them in another.

        Args:
            draw: Returns the card; what else it writes is there with the card's announcement.
            then: What else is written with the card.

        Raises:
            BlobVanishedError: The same card was there, and its bytes were collected meanwhile.
        """
        actor = self.actor()
        with BlobUpload(self.database, self.store) as bringing:

            def announce(transaction: Transaction) -> DrawnCard:
                drawn = draw(transaction)
                bringing.announce(transaction, drawn.blob)
                return drawn

            def keep(transaction: Transaction) -> None:
                bringing.make_live(transaction)
                insert_card(transaction, card.version, card.markdown, card.notes, actor)
                if then:
                    then(transaction)

            card = self.database.transaction(announce, pipelined=True)
            bringing.put(lambda key: self.store.put(key, card.content))
            self.database.transaction(keep, pipelined=True)
            bringing.hand_over()
        return card.version

    def renew_card(self, reference: str) -> None:
        """Write a version's card anew after something that it tells of has changed.

        A version without a card is left without. A card can be told from the record at any time,
        so a store that does not answer is logged and fails no change that was made already.
        """
        self._afterwards(lambda registry: registry._renew_card(reference))

    def _renew_card(self, reference: str) -> None:
        try:
            self._read_version(reference, latest_card)
            self._write_card(reference)
        except NotFoundError:
            return
        except UnavailableError as error:
            _LOG.warning(
                "the model card of %s was not renewed: %s",
                reference,
                error,
                extra={"action": "card.renew", "reference": reference},
            )

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        """Say of each field of a version's model card whether it is provided."""
        return self._read_version(
            reference,
            lambda connection, version: card_fields(version, card_notes(connection, version)),
        )

    def card(self, reference: str) -> ModelCard:
        """Return a version's latest model card.

        Raises:
            NotFoundError: None was written yet.
        """

        def read(transaction: Transaction, version: ModelVersion) -> ModelCard:
            stored = latest_card(transaction, version)
            key = keys_of(transaction, version, {stored.digest})[stored.digest]
            return stored.model_copy(update={"location": self.store.location(key)})

        return self._read_version(reference, read)


def draw_card(
    transaction: Transaction, version: ModelVersion, notes: CardNotes | None = None
) -> DrawnCard:
    """Draw a version's card, by what is known now; the notes are the latest card's when None."""
    environment = version.environment_hash
    if notes is None:
        notes = card_notes(transaction, version) if version.model_card_uri else CardNotes()
    markdown = render_card(
        version,
        lookups.list_trainings(transaction, version, limit=1, after=None)[0],
        read_lineage(transaction, name_key(version.model_name), version.version_id, newest=False),
        promotion_queue.verdicts(transaction, version),
        tenures_of(transaction, version),
        notes,
        packages=lookups.environment_packages(transaction, environment) if environment else (),
    )
    return DrawnCard(version, markdown, notes)
