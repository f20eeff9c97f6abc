"""Apply a plan: exactly its items, in batches, with a count for each kind."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Collection as Subjects
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby, islice
from types import MappingProxyType
from typing import Any

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.sweep import SETTLE
from pedigree.audit.records import Actor
from pedigree.maintenance import gc_collect
from pedigree.maintenance import gc_tiers as tiers
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import (
    Collection,
    Count,
    Left,
    PlannedArtifact,
    PlannedBlob,
    PlannedItem,
    PlannedKey,
    PlannedMove,
    PlannedTier,
    PlannedUpload,
    PlannedVersion,
)
from pedigree.postgres.database import Database

# Small enough to hold locks only briefly, large enough to make round trips insignificant.
_BATCH = 100
_EXAMPLES = 20


def apply_plan(
    database: Database,
    store: ObjectStore,
    plan: Plan,
    actor: Actor,
    *,
    window: timedelta,
    settle: timedelta = SETTLE,
) -> Collection:
    """Apply exactly a plan; items that are in use by now are left.

    It may be killed at any time, and run while others register, delete and collect.

    Args:
        database: The registry's database.
        store: The registry's object store.
        plan: From :func:`pedigree.maintenance.gc_planner.make_plan`.
        actor: Who collects.
        window: The retention window, as for the plan; a window that is longer by now protects
            more versions.
        settle: How long a key is remembered after its object was removed.

    Raises:
        CorruptionError: Bytes to be moved do not match their digest.
        StoreUnavailableError: The store failed; the next collection resumes from there.
    """
    work = _Work(database, store, actor, window, settle)
    for batch in _batches(plan):
        work.do(batch)
    return Collection(
        plan=plan.digest,
        done={
            kind: Count(items=count, bytes=work.bytes[kind]) for kind, count in work.done.items()
        },
        left=dict(work.left),
        examples=tuple(work.examples),
    )


def _batches(plan: Plan) -> Iterator[list[Any]]:
    """Yield the items in batches of one kind, and of one model if they have a model."""
    for _, group in groupby(plan, lambda item: (item.kind, getattr(item, "model_name", None))):
        while batch := list(islice(group, _BATCH)):
            yield batch


@dataclass
class _Work:
    """The work of a collection, and its counts so far."""

    database: Database
    store: ObjectStore
    actor: Actor
    window: timedelta
    settle: timedelta
    done: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    examples: list[Left] = field(default_factory=list)

    def do(self, batch: list[Any]) -> None:
        done = _HANDLERS[batch[0].kind](self, batch)
        for item in batch:
            self._count(item, item.subject in done)

    def _count(self, item: PlannedItem, is_done: bool) -> None:
        if is_done:
            self.done[item.kind] += 1
            self.bytes[item.kind] += getattr(item, "bytes", 0)
            return
        self.left[item.kind] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(Left(kind=item.kind, subject=item.subject))

    def versions(self, batch: list[PlannedVersion]) -> Subjects[str]:
        return self.database.transaction(
            lambda tx: gc_collect.collect_versions(tx, batch, self.actor, self.window)
        )

    def artifacts(self, batch: list[PlannedArtifact]) -> Subjects[str]:
        return self.database.transaction(lambda tx: gc_collect.collect_artifacts(tx, batch))

    def blobs(self, batch: list[PlannedBlob]) -> Subjects[str]:
        return gc_collect.collect_blobs(self.database, self.store, batch, self.actor, self.settle)

    def tiers(self, batch: list[PlannedTier]) -> Subjects[str]:
        return self.database.transaction(lambda tx: tiers.change_tiers(tx, batch, self.actor))

    def moves(self, batch: list[PlannedMove]) -> Subjects[str]:
        return tiers.move_blobs(self.database, self.store, batch, self.actor)

    def uploads(self, batch: list[PlannedUpload]) -> Subjects[str]:
        return gc_collect.collect_uploads(self.database, self.store, batch, self.settle)

    def keys(self, batch: list[PlannedKey]) -> Subjects[str]:
        return gc_collect.collect_keys(self.database, self.store, batch, self.settle)


_HANDLERS: Mapping[str, Callable[[_Work, list[Any]], Subjects[str]]] = MappingProxyType(
    {
        "version": _Work.versions,
        "artifact": _Work.artifacts,
        "blob": _Work.blobs,
        "tier": _Work.tiers,
        "move": _Work.moves,
        "upload": _Work.uploads,
        "key": _Work.keys,
    }
)
