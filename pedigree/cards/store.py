"""Rows of model cards ↔ records."""

from psycopg.types.json import Jsonb

from pedigree.artifacts.records import digest_of
from pedigree.audit.records import Actor, EventType
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import lock_model, version_not_found
from pedigree.errors import VersionNotFoundError
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction

_SQL = load_queries(__package__)


def insert_card(
    transaction: Transaction,
    version: ModelVersion,
    markdown: str,
    notes: CardNotes,
    actor: Actor,
) -> None:
    """Add a version's card; the text that is its latest card already is not written again.

    Raises:
        NotFoundError: The model or the version was deleted in the meantime.
    """
    model = lock_model(transaction, version.model_name)
    digest = digest_of(markdown.encode())
    latest = _latest(transaction, version)
    if latest is not None and latest["digest"] == digest:
        return
    inserted = transaction.execute(
        _SQL["insert_card"],
        {
            "model_id": model.model_id,
            "version": version.version_id,
            "digest": digest,
            "markdown": markdown,
            "notes": Jsonb(notes.model_dump(mode="json", exclude_defaults=True)),
            "at": model.at,
        },
    )
    if inserted.fetchone() is None:
        raise version_not_found(model.name, version.version_id)
    model.record(
        EventType.VERSION_UPDATED, {"model_card": digest}, version=version.version_id, actor=actor
    )


def card_notes(transaction: Transaction, version: ModelVersion) -> CardNotes:
    """Return what people wrote for a version's latest card; nothing where there is none yet."""
    latest = _latest(transaction, version)
    return CardNotes(**latest["notes"]) if latest else CardNotes()


def latest_card(transaction: Transaction, version: ModelVersion) -> ModelCard:
    """Return a version's latest card.

    Raises:
        VersionNotFoundError: None was written yet.
    """
    row = _latest(transaction, version)
    if row is None:
        raise VersionNotFoundError(
            "has no model card yet",
            field="reference",
            value=version.reference,
            remedy="Write it with `Registry.write_card`",
        )
    return ModelCard(
        reference=version.reference,
        revision=row["revision"],
        markdown=row["markdown"],
        digest=row["digest"],
        uri=f"pedigree://blobs/{row['digest']}",
        created_at=row["created_at"],
    )


def _latest(transaction: Transaction, version: ModelVersion) -> Row | None:
    return transaction.execute(
        _SQL["latest_card"],
        {"name_key": name_key(version.model_name), "version": version.version_id},
    ).fetchone()
