"""The impact of some data: the versions that depend on it, their use, and the data they wrote."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from pedigree.catalog.names import name_key
from pedigree.catalog.references import parse_reference
from pedigree.catalog.sight import Sight
from pedigree.errors import InvalidReferenceError
from pedigree.lifecycle.impact_records import Affected, Impact
from pedigree.lifecycle.records import Tenure
from pedigree.lifecycle.store import SQL
from pedigree.lineage.records import TrainedOn
from pedigree.lineage.store import trained_on
from pedigree.lineage.usages import outputs_of
from pedigree.postgres.pages import at_least_one, page_bytes
from pedigree.postgres.transaction import Transaction

# How many versions' tenures and outputs are read at once: a version may have many of them.
_BATCH = 5


def impact(
    transaction: Transaction,
    asset: str,
    partition: str | None,
    since: datetime | None,
    sight: Sight,
    *,
    visible: Sequence[str] | None,
    limit: int | None,
    after: str | None,
    counted: int | None = None,
) -> Impact:
    """Return a page of the versions that depend or may depend on data, with tenures and outputs.

    Args:
        transaction: Where to read.
        asset: The asset's key.
        partition: One of its partitions; all of them when None.
        since: Only data recorded since then.
        sight: What the caller sees.
        visible: The names of the models that the caller may read; all models when None.
        limit: How many versions at most; all of them when None.
        after: The last version of the previous page, as NAME/3.
        counted: How many versions without recorded lineage are counted at most; all when None.

    Raises:
        InvalidReferenceError: The cursor is not a version.
    """
    found, without_lineage = trained_on(
        transaction,
        asset,
        partition,
        since,
        visible=visible,
        limit=None if limit is None else at_least_one(limit) + 1,
        after=None if after is None else _place(after),
        counted=counted,
    )
    affected = _fitting(transaction, found[:limit], sight)
    has_more = found.is_cut or len(affected) < len(found)
    blank = Impact(
        asset=asset,
        partition=partition,
        since=since,
        certain=(),
        possible=(),
        unknown=(),
        without_lineage=without_lineage,
        is_limited=sight.is_limited,
        next=affected[-1].reference if has_more else None,
    )
    return blank.with_versions(affected)


def _fitting(transaction: Transaction, found: Sequence[TrainedOn], sight: Sight) -> list[Affected]:
    """Return the first versions, as many as fit a page, and at least one if there is one."""
    affected = list[Affected]()
    most, size = page_bytes(), 0
    for start in range(0, len(found), _BATCH):
        for one in _affected(transaction, found[start : start + _BATCH], sight):
            size += 0 if most is None else len(one.model_dump_json())
            if affected and most is not None and size > most:
                return affected
            affected.append(one)
    return affected


def _place(reference: str) -> tuple[str, int]:
    parsed = parse_reference(reference)
    if parsed.version is None:
        raise InvalidReferenceError(
            "is not a version with its number",
            field="after",
            value=reference,
            remedy="Give the cursor `next` of the previous page",
        )
    return name_key(parsed.name), parsed.version


def _affected(
    transaction: Transaction, found: Sequence[TrainedOn], sight: Sight
) -> Iterator[Affected]:
    places = [(name_key(one.model_name), one.version) for one in found]
    tenures, outputs = _tenures_of(transaction, places), outputs_of(transaction, places)
    for place, one in zip(places, found, strict=True):
        yield Affected(
            **one.model_dump(),
            tenures=tuple(tenures[place]),
            outputs=sight.usages(outputs.get(place, ())),
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
