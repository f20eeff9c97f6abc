"""The impact of some data: the versions that depend on it, their use, and the data they wrote."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from pedigree.catalog.names import name_key
from pedigree.lifecycle.impact_records import Affected, Impact
from pedigree.lifecycle.records import Tenure
from pedigree.lifecycle.store import SQL
from pedigree.lineage.records import Certainty
from pedigree.lineage.store import count_without_lineage, trained_on
from pedigree.lineage.usages import outputs_of
from pedigree.postgres.transaction import Transaction


def impact(
    transaction: Transaction, asset: str, partition: str | None, since: datetime | None
) -> Impact:
    """Return the versions that depend or may depend on data, with their tenures and outputs."""
    found = {
        (name_key(one.model_name), one.version): one
        for one in trained_on(transaction, asset, partition, since)
    }
    tenures = _tenures_of(transaction, found)
    outputs = outputs_of(transaction, found)
    affected = [
        Affected(**one.model_dump(), tenures=tuple(tenures[place]), outputs=outputs.get(place, ()))
        for place, one in found.items()
    ]
    return Impact(
        asset=asset,
        partition=partition,
        since=since,
        certain=tuple(one for one in affected if one.certainty.certain),
        possible=tuple(one for one in affected if one.certainty is Certainty.POSSIBLE),
        unknown=tuple(one for one in affected if one.certainty is Certainty.UNKNOWN),
        without_lineage=count_without_lineage(transaction, found, since),
    )


def _tenures_of(
    transaction: Transaction, versions: Collection[tuple[str, int]]
) -> dict[tuple[str, int], list[Tenure]]:
    rows = transaction.execute(
        SQL["tenures_of_versions"],
        {
            "name_keys": [name for name, _ in versions],
            "versions": [number for _, number in versions],
        },
    )
    found: defaultdict[tuple[str, int], list[Tenure]] = defaultdict(list)
    for row in rows.fetchall():
        found[row.pop("name_key"), row["version_id"]].append(Tenure(**row))
    return found
