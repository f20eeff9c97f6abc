"""Usages of versions: the assets and partitions that runs produced with them.

A run that loads a version records the usage at once. Its output is added later by a sensor, because
the output's event comes after the step. Both outlive Dagster's own events.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from pedigree._record import Record, RecordPage
from pedigree._values import Key
from pedigree.lineage.records import Capture, Certainty
from pedigree.lineage.store import SQL, columns_of
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction

MOST_DEPENDING = 10_000
"""How many versions that depend on another one are named."""


class Written(Record):
    """The event of a run's output."""

    storage_id: int
    data_version: str | None
    code_version: str | None
    written_at: datetime


class NewUsage(Record):
    """A run's use of a version to produce partitions of an asset, or an unpartitioned asset."""

    asset: Key = Field(min_length=1, description="Key of the produced asset, parts joined by /")
    partitions: tuple[Key | None, ...] = (None,)
    run_id: Key = Field(min_length=1)
    instance_id: str | None = None
    capture: Capture = Capture.READ
    written: Written | None = Field(default=None, description="The output, if it is known already")


class Usage(Record):
    """An asset (partition) that a run produced, or was about to produce, with a version."""

    usage_id: int
    asset: str
    partition: str | None
    run_id: str
    instance_id: str | None
    capture: Capture
    used_at: datetime
    storage_id: int | None = Field(description="Event of the output; null: see settled")
    data_version: str | None
    code_version: str | None
    written_at: datetime | None
    settled: bool = Field(
        description="The usage is final: the run has written its output, or ended"
    )

    @property
    def written(self) -> bool:
        """Whether the run is known to have written the output."""
        return self.storage_id is not None


class Downstream(Record):
    """Everything that was produced with one version."""

    reference: str
    usages: tuple[Usage, ...] = Field(description="A page of them, newest first")
    next: int | None = Field(
        default=None, description="The cursor of the next page of usages; null on the last one"
    )
    versions: tuple[str, ...] = Field(description="References of versions trained on this one")
    possible: tuple[str, ...] = Field(
        description="References of versions that were possibly trained on it"
    )
    unknown: tuple[str, ...] = Field(
        description="References of versions for which it is unknown, because some of their "
        "upstream is unknown"
    )
    more: int = Field(
        default=0,
        description=f"Number of further versions that certainly, possibly or perhaps depend on it: "
        f"at most {MOST_DEPENDING:,} are named, the most certain ones first",
    )
    without_lineage: int = Field(
        description="Number of further versions with a later training without recorded lineage, "
        "for which it is unknown, too"
    )
    hidden: int = Field(
        default=0,
        description="Number of further versions, of models that the caller may not read",
    )

    @property
    def outputs(self) -> tuple[Usage, ...]:
        """The usages whose output is known."""
        return tuple(usage for usage in self.usages if usage.written)


def record_usage(transaction: Transaction, name_key: str, version: int, use: NewUsage) -> None:
    """Record that a run uses a version; a repetition only adds a missing output.

    A declared usage is omitted if the run is known to have read another version of the model.
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


def usages_question(name_key: str, version: int, *, limit: int, before: int | None) -> Question:
    """Return what :func:`usages_of` asks."""
    values = {"name_key": name_key, "version": version, "limit": limit + 1, "before": before}
    return Question(SQL["usages_of_version"], values, is_page=True)


def usages_of(
    transaction: Transaction, name_key: str, version: int, *, limit: int, before: int | None
) -> RecordPage[Usage]:
    """Return a page of the usages of a version, newest first."""
    asked = usages_question(name_key, version, limit=limit, before=before)
    found = fetch_page(transaction, asked.query, asked.params)
    is_cut = found.is_cut or len(found.rows) > limit
    return RecordPage((Usage(**row) for row in found.rows[:limit]), is_cut=is_cut)


def outputs_of(
    transaction: Transaction, versions: Collection[tuple[str, int]]
) -> dict[tuple[str, int], tuple[Usage, ...]]:
    """Return the last output of each version for each asset and partition.

    Args:
        transaction: The transaction.
        versions: The versions, each as the key of the model's name and the number.
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
    """Return usages of one Dagster instance whose output is not known yet."""
    rows: list[Row] = transaction.execute(
        SQL["unsettled_usages"], {"instance_id": instance_id, "limit": limit, "after": after}
    ).fetchall()
    return tuple(Usage(**row) for row in rows)


def settle_usages(transaction: Transaction, usages: Iterable[Usage]) -> None:
    """Record the outputs of settled usages in one statement."""
    settled = [usage for usage in usages if usage.settled]
    transaction.execute(SQL["settle_usages"], columns_of(Usage, settled))


class TrainedWith(NamedTuple):
    """References of the versions that were trained on another one, directly or indirectly."""

    versions: tuple[str, ...]
    possible: tuple[str, ...]
    unknown: tuple[str, ...]
    more: int
    hidden: int
    without_lineage: int


def trained_with(
    transaction: Transaction,
    name_key: str,
    version: int,
    registered_at: datetime,
    visible: Sequence[str] | None,
) -> TrainedWith:
    """Return the versions, without deleted ones, that were or may have been trained on a version.

    Args:
        transaction: The transaction.
        name_key: The key of its model's name.
        version: Its number.
        registered_at: When it was registered; earlier trainings cannot depend on it.
        visible: Only versions of models of these names; of all models when None.
    """
    found = transaction.execute(
        SQL["trained_with"],
        {
            "name_key": name_key,
            "version": version,
            "registered_at": registered_at,
            "visible": None if visible is None else list(visible),
            "most": MOST_DEPENDING,
        },
    ).fetchall()
    number, rows = found[0], [row for row in found if row["name"] is not None]
    return TrainedWith(
        versions=_references(rows, Certainty.PROVED, Certainty.READ),
        possible=_references(rows, Certainty.POSSIBLE),
        unknown=_references(rows, Certainty.UNKNOWN),
        more=number["seen"] - len(rows),
        hidden=number["hidden"],
        without_lineage=number["without_lineage"],
    )


def _references(rows: Iterable[Row], *certainties: Certainty) -> tuple[str, ...]:
    return tuple(
        f"{row['name']}/{row['version']}" for row in rows if row["certainty"] in certainties
    )
