"""The open quarantines of one asset."""

from collections.abc import Sequence

from pedigree.catalog.quarantine_records import DataQuarantine
from pedigree.catalog.store import SQL
from pedigree.postgres.pages import at_least_one
from pedigree.postgres.transaction import Transaction


def open_quarantines_of_asset(
    transaction: Transaction, asset: str, *, limit: int, visible: Sequence[str] | None = None
) -> tuple[DataQuarantine, ...]:
    """Return the open quarantines of an asset and of its partitions, newest first.

    Args:
        transaction: Where to read.
        asset: The asset.
        limit: How many at most.
        visible: Only quarantines that mark a version of models of these names; all when None.
    """
    values = {"asset": asset, "limit": at_least_one(limit), "visible": visible}
    rows = transaction.execute(SQL["open_quarantines_of_asset"], values).fetchall()
    return tuple(DataQuarantine(**row) for row in rows)
