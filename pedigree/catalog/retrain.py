"""How a version was trained, so that a run can do the same again."""

from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import SQL
from pedigree.catalog.training_records import RetrainRequest
from pedigree.errors import NotRetrainableError
from pedigree.postgres.transaction import Transaction


def retrain_like(transaction: Transaction, version: ModelVersion) -> RetrainRequest:
    """Return how the newest training of a version was run.

    Raises:
        NotRetrainableError: It was trained by no asset.
    """
    row = transaction.execute(
        SQL["newest_training"],
        {"name_key": name_key(version.model_name), "version": version.version_id},
    ).fetchone()
    if row is None or row["asset"] is None:
        raise NotRetrainableError(
            "no asset trained it, so no run can do so again",
            field="reference",
            value=version.reference,
            remedy="Train it by an asset of @model_asset, or repeat what its run did",
        )
    return RetrainRequest(reference=version.reference, **row)
