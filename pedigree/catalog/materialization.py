"""Know of trainings in Dagster whether an asset graph shows them.

A step registers its version before its materialization is stored. Where the run dies in between,
its instance's mirror shows the version; where nothing is heard of the instance either, the version
is *unmaterialized*. That follows from what is kept here and the time, so nobody has to be alive to
mark it.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple

from pedigree.catalog.names import name_key
from pedigree.catalog.store import SQL
from pedigree.catalog.training_records import Unmaterialized
from pedigree.postgres.transaction import Transaction

OUT_OF_REACH = timedelta(hours=1)


class ShownTraining(NamedTuple):
    """A training that an asset graph shows: the version, and the run that made it."""

    model: str
    version: int
    run_id: str


def see_instance(transaction: Transaction, instance_id: str) -> None:
    """Keep that a Dagster instance is within reach now."""
    transaction.execute(SQL["see_instance"], {"instance_id": instance_id})


def end_awaiting(transaction: Transaction, shown: Collection[ShownTraining]) -> None:
    """Keep that an asset graph shows trainings."""
    transaction.execute(
        SQL["end_awaiting"],
        {
            "name_keys": [name_key(each.model) for each in shown],
            "versions": [each.version for each in shown],
            "run_ids": [each.run_id for each in shown],
        },
    )


def unmaterialized(
    transaction: Transaction, *, name_key: str | None, version: int | None, limit: int
) -> tuple[Unmaterialized, ...]:
    """Return what no graph has shown for an hour, in which nothing was heard of its instance."""
    rows = transaction.execute(
        SQL["unmaterialized"],
        {"name_key": name_key, "version": version, "limit": limit, "age": OUT_OF_REACH},
    ).fetchall()
    return tuple(Unmaterialized(**row) for row in rows)
