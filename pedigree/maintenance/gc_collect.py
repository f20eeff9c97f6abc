"""Collect the items of a plan: deleted versions, their artifacts, and unreferenced bytes.

Each function applies one batch of items of one kind, in one transaction, and returns the subjects
of the applied ones. Items that are in use by now are left: each is checked again, under locks that
a registration takes as well.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

from pedigree.artifacts.sweep import expire_uploads
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.store import LockedModel, lock_models_of_versions
from pedigree.maintenance.gc_records import (
    PlannedArtifact,
    PlannedBlob,
    PlannedUpload,
    PlannedVersion,
)
from pedigree.maintenance.queries import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row, Transaction

RemoveObjects: TypeAlias = Callable[[Collection[str]], Collection[str]]
"""Removes the objects under some keys, and returns the keys that are done."""


def collect_versions(
    transaction: Transaction, batch: Sequence[PlannedVersion], actor: Actor, window: timedelta
) -> Collection[str]:
    """Collect deleted versions of one name, which can then no longer be restored."""
    planned = {item.version_id: item for item in batch}
    return {
        reference
        for model, numbers in lock_models_of_versions(transaction, batch[0].model_name, planned)
        for reference in _collect(model, [planned[each] for each in numbers], actor, window)
    }


def _collect(
    model: LockedModel, batch: Sequence[PlannedVersion], actor: Actor, window: timedelta
) -> Collection[str]:
    transaction = model.transaction
    rows = transaction.execute(
        SQL["collect_versions"],
        {
            "model_id": model.model_id,
            "versions": [item.version_id for item in batch],
            "deleted": [item.deleted_at for item in batch],
            "window_s": window.total_seconds(),
            "at": model.at,
        },
    ).fetchall()
    versions = sorted(row["version"] for row in rows)
    for query in ("delete_cards", "delete_drift", "delete_profiles"):
        transaction.execute(SQL[query], {"model_id": model.model_id, "versions": versions})
    with transaction.pipeline():
        for row in sorted(rows, key=lambda row: int(row["version"])):
            model.record(
                EventType.VERSION_COLLECTED,
                {"digest": row["digest"], "deleted_at": row["deleted_at"].isoformat()},
                version=row["version"],
                actor=actor,
            )
    return {f"{model.name}/{version}" for version in versions}


def collect_artifacts(
    transaction: Transaction, batch: Sequence[PlannedArtifact]
) -> Collection[str]:
    """Remove the file lists of artifacts that no version needs."""
    digests = [item.digest for item in batch]
    locked = transaction.execute(SQL["lock_artifacts"], {"digests": digests}).fetchall()
    rows = transaction.execute(
        SQL["empty_artifacts"], {"digests": [row["digest"] for row in locked]}
    )
    return {row["digest"] for row in rows}


def collect_blobs(
    database: Database, batch: Sequence[PlannedBlob], actor: Actor, remove: RemoveObjects
) -> Collection[str]:
    """Remove unreferenced blobs: first their rows, and after the commit their bytes."""
    removed = database.transaction(lambda transaction: _remove_blobs(transaction, batch, actor))
    remove([row["key"] for row in removed])
    return {row["digest"] for row in removed}


def _remove_blobs(
    transaction: Transaction, batch: Sequence[PlannedBlob], actor: Actor
) -> list[Row]:
    planned = {"digests": [item.digest for item in batch], "keys": [item.key for item in batch]}
    locked = transaction.execute(SQL["lock_planned_blobs"], planned).fetchall()
    removed = transaction.execute(
        SQL["remove_blobs"], {"digests": [row["digest"] for row in locked]}
    ).fetchall()
    with transaction.pipeline():
        for row in removed:
            body = {"digest": row["digest"], "key": row["key"], "bytes": row["size"]}
            log.record(transaction, EventType.BLOB_REMOVED, body, at=row["at"], actor=actor)
    return removed


def settle_released(database: Database) -> None:
    """Forget released bytes that are gone, or that something refers to again."""
    after: Row | None = {"kind": "", "digest": ""}
    while after is not None:
        after = database.transaction(partial(_settle_page, after))


def _settle_page(after: Row, transaction: Transaction) -> Row | None:
    locked = transaction.execute(SQL["lock_released"], after).fetchall()
    if not locked:
        return None
    columns = {
        "kinds": [row["kind"] for row in locked],
        "digests": [row["digest"] for row in locked],
    }
    transaction.execute(SQL["settle_released"], columns)
    return locked[-1]


def collect_uploads(
    database: Database, batch: Sequence[PlannedUpload], remove: RemoveObjects
) -> Collection[str]:
    """Expire uploads whose process has died, and remove their bytes."""
    given_up = expire_uploads(database, [UUID(item.upload_id) for item in batch])
    remove([key for keys in given_up.values() for key in keys])
    return {str(upload_id) for upload_id in given_up}
