"""The run of a version's training, so that another run can repeat it."""

from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import SQL
from pedigree.catalog.training_records import RetrainRequest
from pedigree.errors import NotRetrainableError
from pedigree.postgres.transaction import Transaction


def retrain_like(transaction: Transaction, version: ModelVersion) -> RetrainRequest:
    """Return how to repeat the newest training of a version.

    Raises:
        NotRetrainableError: No asset trained it.
    """
    row = transaction.execute(
        SQL["newest_training"],
        {"name_key": name_key(version.model_name), "version": version.version_id},
    ).fetchone()
    if row is None or row["asset"] is None:
        raise NotRetrainableError(
            "no asset trained it, so no run can repeat the training",
            field="reference",
            value=version.reference,
            remedy="Train it with an asset of @model_asset, or repeat its run",
        )
    return RetrainRequest(reference=version.reference, **row)
