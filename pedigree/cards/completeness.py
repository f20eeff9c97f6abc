"""How much of a model card is provided, by people and by the record."""

from pedigree.cards.records import CardNotes
from pedigree.catalog.records import ModelVersion

# What the card tells from the version's record, where its training or somebody else said it.
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
    """Say of each field of a version's card whether it is provided."""
    return {name: bool(getattr(version, name)) for name in RECORDED} | {
        name: bool(getattr(notes, name)) for name in CardNotes.model_fields
    }
