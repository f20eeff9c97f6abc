"""The rows of model cards, as records."""

from datetime import datetime
from typing import NamedTuple

from psycopg.types.json import Jsonb

from pedigree.artifacts.records import digest_of
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.catalog import lookups
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import Reference
from pedigree.catalog.store import lock_model, model_not_found
from pedigree.errors import PedigreeError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction

SQL = load_queries(__package__)

# A client that has read a version can still change it after this many newer cards.
_REVISIONS = 20


class CardOvertakenError(PedigreeError):
    """Another process wrote a card of the version after this one was drawn: draw it again.

    Private: the writer of cards handles it.
    """


class CardState(NamedTuple):
    """The newest card of a version, and the newest event of its model."""

    card: ModelCard | None
    notes: CardNotes
    event_id: int
    """The newest event that the card shows."""
    newest_event: int
    at: datetime

    @property
    def is_current(self) -> bool:
        """No event of the model is newer than the card."""
        return self.shows(self.newest_event)

    @property
    def revision(self) -> int:
        """The revision of the card; 0 if there is none."""
        return self.card.revision if self.card else 0

    def shows(self, event_id: int) -> bool:
        """Return whether the card shows an event of its model."""
        return self.card is not None and event_id <= self.event_id


class DrawnCard(NamedTuple):
    """The text of a version's card, and the state in which it was drawn."""

    version: ModelVersion
    markdown: str
    notes: CardNotes
    state: CardState
    """The state before the first read of the text's content."""

    @property
    def is_unchanged(self) -> bool:
        """The newest card has this text and these notes."""
        card = self.state.card
        return card is not None and (card.markdown, self.state.notes) == (self.markdown, self.notes)

    @property
    def card(self) -> ModelCard:
        """The record of the text: the newest card, or the next revision, not stored yet."""
        if self.is_unchanged and self.state.card:
            return self.state.card
        digest = digest_of(self.markdown.encode())
        return ModelCard(
            reference=self.version.reference,
            revision=self.state.revision + 1,
            markdown=self.markdown,
            digest=digest,
            uri=_uri(digest),
            created_at=self.state.at,
        )


def card_state_question(name: str, version: int) -> Question:
    """Return what :func:`card_state` asks."""
    return Question(SQL["card_state"], {"name_key": name_key(name), "version": version})


def card_state(transaction: Transaction, name: str, version: int) -> CardState:
    """Return the newest card of a version and the newest event of its model, in one snapshot.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    asked = card_state_question(name, version)
    row = transaction.execute(asked.query, asked.params).fetchone()
    if row is None:
        raise model_not_found(name)
    return state_of(f"{name}/{version}", row)


def state_of(reference: str, row: Row) -> CardState:
    """Return the state in a row."""
    return CardState(
        card=_card(reference, row) if row["revision"] else None,
        notes=CardNotes(**row["notes"] or {}),
        event_id=row["event_id"] or 0,
        newest_event=row["newest_event"],
        at=row["at"],
    )


def card_notes(transaction: Transaction, version: ModelVersion) -> CardNotes:
    """Return people's notes in a version's card; empty if there are none yet."""
    return card_state(transaction, version.model_name, version.version_id).notes


def newest_cards(transaction: Transaction, name: str, version: int) -> list[str]:
    """Return the digests of a version's newest cards.

    A card is drawn some time after the change that it shows, and does not change the version.
    """
    rows = transaction.execute(
        SQL["card_digests"],
        {"name_key": name_key(name), "version": version, "limit": _REVISIONS},
    )
    return [row["digest"] for row in rows]


def newest_event(transaction: Transaction, name: str) -> int:
    """Return the id of a model's newest event; 0 if there is none."""
    row = transaction.execute(SQL["newest_event"], {"model": name}).fetchone()
    return int(row["id"]) if row else 0


def note_event(transaction: Transaction, drawn: DrawnCard) -> None:
    """Record that the newest card, whose text is unchanged, shows all events."""
    transaction.execute(
        SQL["note_event"],
        {
            "name_key": name_key(drawn.version.model_name),
            "version": drawn.version.version_id,
            "revision": drawn.state.revision,
            "event_id": drawn.state.newest_event,
        },
    )


def insert_card(transaction: Transaction, drawn: DrawnCard, actor: Actor) -> ModelCard:
    """Insert a drawn card as a version's newest one, with its event, and return it.

    Raises:
        CardOvertakenError: Another card of the version was inserted after this one was drawn.
        NotFoundError: The model or the version was deleted in the meantime.
    """
    version = drawn.version
    model = lock_model(transaction, version.model_name)
    is_current = newest_event(transaction, model.name) == drawn.state.newest_event
    card = drawn.card.model_copy(update={"created_at": model.at})
    model.record(
        EventType.VERSION_UPDATED,
        {"model_card": card.digest},
        version=version.version_id,
        actor=actor,
    )
    # The card's own event does not make it stale.
    shown = newest_event(transaction, model.name) if is_current else drawn.state.newest_event
    inserted = transaction.execute(
        SQL["insert_card"],
        {
            "model_id": model.model_id,
            "version": version.version_id,
            "revision": card.revision,
            "digest": card.digest,
            "markdown": card.markdown,
            "notes": Jsonb(drawn.notes.model_dump(mode="json", exclude_defaults=True)),
            "at": card.created_at,
            "event_id": shown,
        },
    )
    if inserted.fetchone() is None:
        lookups.find_version(transaction, Reference(name=model.name, version=version.version_id))
        raise CardOvertakenError("another card was written", value=version.reference)
    return card


def _card(reference: str, row: Row) -> ModelCard:
    return ModelCard(
        reference=reference,
        revision=row["revision"],
        markdown=row["markdown"],
        digest=row["digest"],
        uri=_uri(row["digest"]),
        created_at=row["created_at"],
    )


def _uri(digest: str) -> str:
    return f"pedigree://blobs/{digest}"
