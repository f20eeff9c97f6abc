"""Model cards: write them, keep them true, and find them."""

import logging
from collections.abc import Mapping
from contextlib import suppress

from pedigree.artifacts.publish import put_blob
from pedigree.artifacts.records import digest_of
from pedigree.artifacts.store import BlobVanishedError, lock_blobs
from pedigree.cards.completeness import card_fields
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.cards.render import render_card
from pedigree.cards.store import card_notes, insert_card, latest_card
from pedigree.catalog.records import ModelVersion
from pedigree.errors import NotFoundError, UnavailableError
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import keys_of
from pedigree.registry.reading import ReadingVerbs

# How often bytes may be collected between our putting them and our referring to them.
_TRIES = 10

_LOG = logging.getLogger(__name__)


class CardVerbs(ReadingVerbs):
    """Verbs for model cards."""

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        """Write a version's model card from what is known now; an unchanged card is left alone.

        Args:
            reference: The version.
            notes: What people have to say; the notes of the card before when None.
        """
        version = self.get(reference)
        if notes is None:
            notes = self._of_version(reference, card_notes)
        markdown = render_card(
            version,
            self.trainings(reference)[0],
            self.lineage(reference),
            self.verdicts(reference),
            self.tenures(version.reference),
            notes,
            packages=self.environment(reference),
        )
        self._keep_card(version, markdown, notes)
        return self.card(version.reference)

    def _keep_card(self, version: ModelVersion, markdown: str, notes: CardNotes) -> None:
        actor, content = self.actor(), markdown.encode()

        def write(transaction: Transaction) -> None:
            lock_blobs(transaction, [digest_of(content)])
            insert_card(transaction, version, markdown, notes, actor)

        for _ in range(_TRIES):
            put_blob(self.database, self.store, content)
            with suppress(BlobVanishedError):
                self.database.run(write)
                return
        raise BlobVanishedError(digest_of(content))

    def renew_card(self, reference: str) -> None:
        """Write a version's card anew after something that it tells of has changed.

        A version without a card is left without. A card can be told from the record at any time,
        so a store that does not answer is logged and fails no change that was made already.
        """
        self._afterwards(lambda registry: registry._renew_card(reference))

    def _renew_card(self, reference: str) -> None:
        try:
            self._of_version(reference, latest_card)
            self.write_card(reference)
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
        return self._of_version(
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

        return self._of_version(reference, read)
