"""What versions were used for: the assets and partitions that runs made with them.

A run that loads a version says so then; what it wrote is added when somebody has looked, since an
output's event comes after its step. Both outlive Dagster's own events.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from pedigree._record import Record
from pedigree.lineage.records import Capture, Certainty
from pedigree.lineage.store import SQL, columns_of, count_without_lineage
from pedigree.postgres.transaction import Row, Transaction


class Written(Record):
    """The event of what a run wrote."""

    storage_id: int
    data_version: str | None
    code_version: str | None
    written_at: datetime


class NewUsage(Record):
    """A run uses a version to make partitions of an asset; without partitions, the asset."""

    asset: str = Field(min_length=1, description="The key of what is made, parts joined by /")
    partitions: tuple[str | None, ...] = (None,)
    run_id: str = Field(min_length=1)
    instance_id: str | None = None
    capture: Capture = Capture.READ
    written: Written | None = Field(default=None, description="Where it is known already")


class Usage(Record):
    """An asset (partition) that a run made with a version, or was about to make."""

    usage_id: int
    asset: str
    partition: str | None
    run_id: str
    instance_id: str | None
    capture: Capture
    used_at: datetime
    storage_id: int | None = Field(description="The event of what was written; None: see settled")
    data_version: str | None
    code_version: str | None
    written_at: datetime | None
    settled: bool = Field(description="Nothing more is to come: the run has written, or ended")

    @property
    def written(self) -> bool:
        """It is known that the run wrote it."""
        return self.storage_id is not None


class Downstream(Record):
    """What was made with exactly one version."""

    reference: str
    usages: tuple[Usage, ...] = Field(description="The newest first")
    versions: tuple[str, ...] = Field(description="References of versions trained on this one")
    possible: tuple[str, ...] = Field(
        description="References of versions that possibly were trained on it"
    )
    unknown: tuple[str, ...] = Field(
        description="References of versions of which it is not known: something upstream of them "
        "is not"
    )
    without_lineage: int = Field(
        description="How many further versions have a later training without recorded lineage, so "
        "that nothing is known about them"
    )

    @property
    def outputs(self) -> tuple[Usage, ...]:
        """Those usages of which it is known what was written."""
        return tuple(usage for usage in self.usages if usage.written)


def record_usage(transaction: Transaction, name_key: str, version: int, use: NewUsage) -> None:
    """Write that a run uses a version; repeated, it adds only what was not known.

    What was only declared is left out where the run is known to have read a version of the model.
    """
    written = use.written.model_dump() if use.written else dict.fromkeys(Written.model_fields)
    transaction.execute(
        SQL["record_usage"],
        {
            "name_key": name_key,
            "version": version,
            **use.model_dump(exclude={"written", "partitions"}),
            "partitions": list(use.partitions),
            **written,
            "settled": use.written is not None,
        },
    )


def usages_of(
    transaction: Transaction, name_key: str, version: int, *, limit: int, before: int | None
) -> tuple[Usage, ...]:
    """Return what a version was used for, the newest first."""
    rows = transaction.execute(
        SQL["usages_of_version"],
        {"name_key": name_key, "version": version, "limit": limit, "before": before},
    )
    return tuple(Usage(**row) for row in rows.fetchall())


def outputs_of(
    transaction: Transaction, versions: Collection[tuple[str, int]]
) -> dict[tuple[str, int], tuple[Usage, ...]]:
    """Return what each of some versions wrote last to each asset and partition.

    Args:
        transaction: Where to read.
        versions: The key of the model's name, and the number.
    """
    wanted = {
        "name_keys": [name for name, _ in versions],
        "versions": [number for _, number in versions],
    }
    found: dict[tuple[str, int], tuple[Usage, ...]] = {}
    for row in transaction.execute(SQL["outputs_of_versions"], wanted).fetchall():
        place = (row.pop("name_key"), row.pop("version"))
        found[place] = (*found.get(place, ()), Usage(**row))
    return found


def unsettled_usages(
    transaction: Transaction, instance_id: str | None, *, limit: int, after: int
) -> tuple[Usage, ...]:
    """Return usages of one Dagster instance of which it is not known what was written."""
    rows: list[Row] = transaction.execute(
        SQL["unsettled_usages"], {"instance_id": instance_id, "limit": limit, "after": after}
    ).fetchall()
    return tuple(Usage(**row) for row in rows)


def settle_usages(transaction: Transaction, usages: Iterable[Usage]) -> None:
    """Write what became of usages, in one statement."""
    settled = [usage for usage in usages if usage.settled]
    transaction.execute(SQL["settle_usages"], columns_of(Usage, settled))


class TrainedWith(NamedTuple):
    """References of the versions that were trained on another one, directly or not."""

    versions: tuple[str, ...]
    possible: tuple[str, ...]
    unknown: tuple[str, ...]
    without_lineage: int


def trained_with(
    transaction: Transaction, name_key: str, version: int, registered_at: datetime
) -> TrainedWith:
    """Find the living versions that were trained on a version, and of which that is not known.

    Args:
        transaction: Where to read.
        name_key: The key of its model's name.
        version: Its number.
        registered_at: When it was registered: what was trained before is not trained on it.
    """
    rows = transaction.execute(
        SQL["trained_with"],
        {"name_key": name_key, "version": version, "registered_at": registered_at},
    ).fetchall()
    known = [(name_key, version), *((row["name_key"], row["version"]) for row in rows)]
    return TrainedWith(
        versions=_references(rows, Certainty.PROVED, Certainty.READ),
        possible=_references(rows, Certainty.POSSIBLE),
        unknown=_references(rows, Certainty.UNKNOWN),
        without_lineage=count_without_lineage(transaction, known, registered_at),
    )


def _references(rows: Iterable[Row], *certainties: Certainty) -> tuple[str, ...]:
    return tuple(
        f"{row['name']}/{row['version']}" for row in rows if row["certainty"] in certainties
    )
