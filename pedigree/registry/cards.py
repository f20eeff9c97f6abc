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
from pedigree.catalog import reading
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.errors import NotFoundError, UnavailableError
from pedigree.lifecycle import due
from pedigree.lifecycle.tenures import tenures_of
from pedigree.lineage.store import read_lineage
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
        return self.card(self._write_card(reference, notes).reference)

    def _write_card(self, reference: str, notes: CardNotes | None = None) -> ModelVersion:
        def draw(
            transaction: Transaction, version: ModelVersion
        ) -> tuple[ModelVersion, str, CardNotes]:
            kept = card_notes(transaction, version) if notes is None else notes
            return version, _drawn(transaction, version, kept), kept

        version, markdown, kept = self._of_version(reference, draw)
        self._keep_card(version, markdown, kept)
        return version

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


def _drawn(transaction: Transaction, version: ModelVersion, notes: CardNotes) -> str:
    """Return the text of a version's card, by what is known now."""
    environment = version.environment_hash
    return render_card(
        version,
        reading.list_trainings(transaction, version, limit=1, after=None)[0],
        read_lineage(transaction, name_key(version.model_name), version.version_id, newest=False),
        due.verdicts(transaction, version),
        tenures_of(transaction, version),
        notes,
        packages=reading.environment_packages(transaction, environment) if environment else (),
    )
