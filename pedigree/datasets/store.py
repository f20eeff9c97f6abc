"""Storage of datasheets and of verdicts on data."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from pedigree._canonical_json import canonical_json
from pedigree._record import RecordPage
from pedigree.artifacts.records import digest_of
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.datasets.records import (
    Datasheet,
    DataState,
    DataVerdict,
    KeptDatasheet,
    RecordedDataVerdict,
)
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)


def set_datasheet(
    transaction: Transaction, asset: str, sheet: Datasheet, actor: Actor
) -> KeptDatasheet:
    """Set an asset's datasheet; write nothing if the latest one has the same content."""
    at = _clock(transaction, "lock_asset", asset=asset)
    plain = Datasheet.model_validate(sheet.model_dump(include=set(Datasheet.model_fields)))
    content = plain.model_dump(mode="json", exclude_none=True)
    digest = digest_of(canonical_json(content))
    latest = latest_datasheets(transaction, [asset]).get(asset)
    if latest is not None and latest.digest == digest:
        return latest
    revision = latest.revision + 1 if latest else 1
    transaction.execute(
        _SQL["insert_datasheet"],
        {
            "asset": asset,
            "revision": revision,
            "digest": digest,
            "sheet": Jsonb(content),
            "at": at,
            "actor": actor.name,
        },
    )
    log.record(
        transaction,
        EventType.DATASHEET_SET,
        {"asset": asset, "revision": revision, "digest": digest, "sheet": content},
        at=at,
        actor=actor,
    )
    return KeptDatasheet(
        **content, asset=asset, revision=revision, digest=digest, at=at, recorded_by=actor.name
    )


def latest_datasheets(transaction: Transaction, assets: Iterable[str]) -> dict[str, KeptDatasheet]:
    """Return the newest datasheets of assets, by asset; an asset without one is absent."""
    return {each.asset: each for each in datasheet_page(transaction, assets, limit=None, after="")}


def datasheet_page(
    transaction: Transaction, assets: Iterable[str], *, limit: int | None, after: str
) -> RecordPage[KeptDatasheet]:
    """Return a page of the newest datasheets of assets after ``after``, by asset."""
    found = fetch_page(
        transaction,
        _SQL["latest_datasheets"],
        {"assets": sorted(set(assets)), "limit": limit and at_least_one(limit), "after": after},
    )
    return RecordPage(
        (KeptDatasheet(**row.pop("sheet"), **row) for row in found.rows), is_cut=found.is_cut
    )


def record_data_verdict(
    transaction: Transaction, verdict: DataVerdict, actor: Actor
) -> RecordedDataVerdict:
    """Record the verdict of a check on some data."""
    at = _clock(transaction, "now")
    fields = verdict.model_dump()
    (row,) = transaction.execute(
        _SQL["insert_data_verdict"],
        {**fields, "details": Jsonb(verdict.details), "at": at, "actor": actor.name},
    ).fetchall()
    log.record(
        transaction,
        EventType.DATA_CHECK_RECORDED,
        verdict.model_dump(mode="json"),
        at=at,
        actor=actor,
    )
    return RecordedDataVerdict(**fields, **row, at=at, recorded_by=actor.name)


def data_verdicts(
    transaction: Transaction, states: Sequence[DataState], *, limit: int, after: int
) -> RecordPage[RecordedDataVerdict]:
    """Return a page of the newest verdicts of each check on exactly these states of data."""
    found = fetch_page(
        transaction,
        _SQL["data_verdicts"],
        {
            "assets": [state.asset for state in states],
            "partitions": [state.partition for state in states],
            "storage_ids": [state.storage_id for state in states],
            "runs": [state.materialized_by for state in states],
            "data_versions": [state.data_version for state in states],
            "limit": at_least_one(limit),
            "after": after,
        },
    )
    return RecordPage((RecordedDataVerdict(**row) for row in found.rows), is_cut=found.is_cut)


def _clock(transaction: Transaction, query: str, **parameters: str) -> datetime:
    (row,) = transaction.execute(_SQL[query], parameters).fetchall()
    at: datetime = row["at"]
    return at
