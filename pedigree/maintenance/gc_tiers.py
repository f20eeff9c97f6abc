"""Move versions and their bytes to the tier that the rules of their model require."""

from collections.abc import Collection, Sequence
from functools import partial

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.tiers import retier
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.store import LockedModel, lock_models_of_versions
from pedigree.maintenance.gc_records import PlannedMove, PlannedTier
from pedigree.maintenance.queries import SQL
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row, Transaction


def change_tiers(
    transaction: Transaction, batch: Sequence[PlannedTier], actor: Actor
) -> Collection[str]:
    """Change the tier of versions of one name if the rules of their model still require that."""
    planned = {item.version_id: item for item in batch}
    return {
        reference
        for model, numbers in lock_models_of_versions(transaction, batch[0].model_name, planned)
        for reference in _change_tiers(model, [planned[each] for each in numbers], actor)
    }


def _change_tiers(
    model: LockedModel, batch: Sequence[PlannedTier], actor: Actor
) -> Collection[str]:
    transaction = model.transaction
    wanted = {
        (row["version"], row["wanted"]): row
        for row in transaction.execute(SQL["wanted_tiers"], {"model_id": model.model_id}).fetchall()
    }
    changed = [wanted[key] for item in batch if (key := (item.version_id, item.tier)) in wanted]
    for row in changed:
        _change(transaction, model, row, actor)
    return {f"{model.name}/{row['version']}" for row in changed}


def _change(transaction: Transaction, model: LockedModel, row: Row, actor: Actor) -> None:
    transaction.execute(
        SQL["set_tier"],
        {"model_id": model.model_id, "version": row["version"], "tier": row["wanted"]},
    )
    model.record(
        EventType.VERSION_TIER_CHANGED,
        {"from": row["tier"], "to": row["wanted"], "reason": row["why"]},
        version=row["version"],
        actor=actor,
    )


def move_blobs(
    database: Database, store: ObjectStore, batch: Sequence[PlannedMove], actor: Actor
) -> Collection[str]:
    """Copy bytes to another tier if that is still the highest that a version needs.

    Raises:
        CorruptionError: An object is missing, or does not match its digest.
        StoreUnavailableError: The store failed; completed moves stay.
    """
    return {
        item.digest
        for item in batch
        if retier(database, store, item.digest, item.tier, confirm=partial(_confirm, item, actor))
    }


def _confirm(item: PlannedMove, actor: Actor, transaction: Transaction, key: str) -> bool:
    """Record a move in its transaction; return False to undo it if the needed tier has changed."""
    needed = transaction.execute(SQL["needed_tier"], {"digest": item.digest}).fetchone()
    if needed is None or needed["tier"] != item.tier:
        return False
    log.record(
        transaction,
        EventType.BLOB_MOVED,
        {"digest": item.digest, "key": key, "bytes": item.bytes, "tier": item.tier.value},
        at=needed["at"],
        actor=actor,
    )
    return True
