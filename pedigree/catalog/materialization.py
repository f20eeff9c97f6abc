"""Whether an asset graph shows the trainings in Dagster.

A step registers its version before its materialization is stored. If the run dies in between, the
mirror of its instance shows the version. If the instance is unreachable too, the version is
*unmaterialized*. That follows from the stored rows and the time, so no process has to mark it.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple

from pedigree._record import RecordPage
from pedigree.catalog.lookups import training_cursor
from pedigree.catalog.names import name_key
from pedigree.catalog.store import SQL
from pedigree.catalog.training_records import Unmaterialized
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.transaction import Transaction

OUT_OF_REACH = timedelta(hours=1)


class ShownTraining(NamedTuple):
    """A training that an asset graph shows: the version, and the run that created it."""

    model: str
    version: int
    run_id: str


def see_instance(transaction: Transaction, instance_id: str) -> None:
    """Record that a Dagster instance is reachable now."""
    transaction.execute(SQL["see_instance"], {"instance_id": instance_id})


def end_awaiting(transaction: Transaction, shown: Collection[ShownTraining]) -> None:
    """Record that an asset graph shows trainings."""
    transaction.execute(
        SQL["end_awaiting"],
        {
            "name_keys": [name_key(each.model) for each in shown],
            "versions": [each.version for each in shown],
            "run_ids": [each.run_id for each in shown],
        },
    )


def unmaterialized(
    transaction: Transaction,
    *,
    name_key: str | None,
    version: int | None,
    limit: int,
    after: str | None = None,
    visible: Sequence[str] | None = None,
) -> RecordPage[Unmaterialized]:
    """Return trainings that no graph has shown for an hour while their instance was unreachable.

    Args:
        transaction: Where to read.
        name_key: The key of a model's name, for the trainings of one version; None for all.
        version: The number of that version.
        limit: How many at most.
        after: The last ``training_id`` of the previous page.
        visible: Only trainings of models of these names; of all models when None.

    Raises:
        InvalidInputError: The limit or the cursor is invalid.
    """
    values = {"limit": at_least_one(limit), "after": training_cursor(after), "age": OUT_OF_REACH}
    among = {"name_key": name_key, "version": version, "visible": visible}
    found = fetch_page(transaction, SQL["unmaterialized"], {**values, **among})
    return RecordPage(
        (Unmaterialized(**{**row, "training_id": str(row["training_id"])}) for row in found.rows),
        is_cut=found.is_cut,
    )
