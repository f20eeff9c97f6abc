"""What became of some data: the versions that stand on it, and where they were and are in use."""

from collections import defaultdict
from datetime import datetime

from pydantic import Field

from pedigree._record import Record
from pedigree.catalog.names import name_key
from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, NO_STAGE, Tenure
from pedigree.lifecycle.store import SQL
from pedigree.lineage.records import TrainedOn
from pedigree.lineage.store import trained_on
from pedigree.postgres.transaction import Transaction

# In these stages nobody relies on a version.
_AT_REST = frozenset({f"stage:{stage}" for stage in (NO_STAGE, CANDIDATE, ARCHIVED)})


class Affected(TrainedOn):
    """A version that stands on the data, and what it holds and held."""

    tenures: tuple[Tenure, ...] = Field(description="Its stages and aliases, the oldest first")

    @property
    def holds(self) -> tuple[str, ...]:
        """The stages and aliases that it holds now."""
        return tuple(tenure.pointer for tenure in self.tenures if tenure.until is None)

    @property
    def in_use(self) -> bool:
        """Somebody may rely on it now."""
        return any(pointer not in _AT_REST for pointer in self.holds)


class Impact(Record):
    """All that stands on an asset or one of its partitions."""

    asset: str
    partition: str | None
    since: datetime | None
    versions: tuple[Affected, ...]


def impact(
    transaction: Transaction, asset: str, partition: str | None, since: datetime | None
) -> Impact:
    """Find the versions that stand on some data, directly or not, with what they hold and held."""
    found = trained_on(transaction, asset, partition, since)
    rows = transaction.execute(
        SQL["tenures_of_versions"],
        {
            "name_keys": [name_key(one.model_name) for one in found],
            "versions": [one.version for one in found],
        },
    )
    tenures: defaultdict[str, list[Tenure]] = defaultdict(list)
    for row in rows.fetchall():
        tenures[f"{row.pop('model_name')}/{row['version_id']}"].append(Tenure(**row))
    return Impact(
        asset=asset,
        partition=partition,
        since=since,
        versions=tuple(
            Affected(**one.model_dump(), tenures=tuple(tenures[one.reference])) for one in found
        ),
    )
