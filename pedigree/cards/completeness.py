"""Completeness of a model card: the fields that people or the record provide."""

from pedigree.cards.records import CardNotes
from pedigree.catalog.records import ModelVersion

# The card's fields from the version's record.
RECORDED = (
    "description",
    "owners",
    "tags",
    "metrics",
    "params",
    "environment_hash",
    "training_data_digest",
    "validation_dataset_id",
    "datasheet_uri",
)


def card_fields(version: ModelVersion, notes: CardNotes) -> dict[str, bool]:
    """Return for each field of a version's card whether it is provided."""
    return {name: bool(getattr(version, name)) for name in RECORDED} | {
        name: bool(getattr(notes, name)) for name in CardNotes.model_fields
    }
