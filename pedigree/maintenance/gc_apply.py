"""Apply a plan: exactly its items, in batches, with a count for each kind."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Collection as Subjects
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, groupby, islice
from types import MappingProxyType
from typing import Any

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.sweep import SETTLE, remove_orphans
from pedigree.audit.records import Actor
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.outages import store_probe
from pedigree.failures.records import BackgroundWork
from pedigree.maintenance import gc_collect
from pedigree.maintenance import gc_tiers as tiers
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import (
    Collection,
    Count,
    Failed,
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

    An item whose work fails is left and reported, and the others go on. A collection may be killed
    at any time, and run while others register, delete and collect.

    Args:
        database: The registry's database.
        store: The registry's object store.
        plan: From :func:`pedigree.maintenance.gc_planner.make_plan`.
        actor: Who collects.
        window: The retention window, as for the plan; a window that is longer by now protects
            more versions.
        settle: How long a key is remembered after its object was removed.

    Raises:
        StoreUnavailableError: The store does not answer; the next collection resumes from there.
    """
    loop = MemberLoop(
        database, BackgroundWork.GC, is_outage=store_probe(database, store), pauses=False
    )
    work = _Work(database, store, actor, window, settle, loop)
    for batch in _batches(plan):
        work.do(batch)
    gc_collect.settle_released(database)
    return Collection(
        plan=plan.digest,
        done={
            kind: Count(items=count, bytes=work.bytes[kind]) for kind, count in work.done.items()
        },
        left=dict(work.left),
        examples=tuple(work.examples),
        failed=tuple(Failed(subject=each.member, problem=each.problem) for each in loop.failed),
    )


def _batches(plan: Plan) -> Iterator[list[Any]]:
    """Yield the items in batches of one kind, and of one model if they have a model."""
    for (kind, _), group in groupby(
        plan, lambda item: (item.kind, getattr(item, "model_name", None))
    ):
        # Each move is a transaction of its own, so moves are not repeated one by one.
        while batch := list(islice(group, 1 if kind == "move" else _BATCH)):
            yield batch


def _kind_and_model(item: PlannedItem) -> tuple[str, str | None]:
    return item.kind, getattr(item, "model_name", None)


@dataclass
class _Work:
    """The work of a collection, and its counts so far."""

    database: Database
    store: ObjectStore
    actor: Actor
    window: timedelta
    settle: timedelta
    loop: MemberLoop
    done: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    examples: list[Left] = field(default_factory=list)

    def do(self, batch: list[Any]) -> None:
        parts = self.loop.attempt_batch(
            batch,
            lambda items: _HANDLERS[items[0].kind](self, items),
            name=lambda item: f"{item.kind} {item.subject}",
            model=lambda item: getattr(item, "model_name", None),
        )
        done = set(chain.from_iterable(parts))
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

    def versions(self, batch: Sequence[PlannedVersion]) -> Subjects[str]:
        return self.database.transaction(
            lambda tx: gc_collect.collect_versions(tx, batch, self.actor, self.window)
        )

    def artifacts(self, batch: Sequence[PlannedArtifact]) -> Subjects[str]:
        return self.database.transaction(lambda tx: gc_collect.collect_artifacts(tx, batch))

    def blobs(self, batch: Sequence[PlannedBlob]) -> Subjects[str]:
        return gc_collect.collect_blobs(self.database, batch, self.actor, self.remove)

    def tiers(self, batch: Sequence[PlannedTier]) -> Subjects[str]:
        return self.database.transaction(lambda tx: tiers.change_tiers(tx, batch, self.actor))

    def moves(self, batch: Sequence[PlannedMove]) -> Subjects[str]:
        return tiers.move_blobs(self.database, self.store, batch, self.actor)

    def uploads(self, batch: Sequence[PlannedUpload]) -> Subjects[str]:
        return gc_collect.collect_uploads(self.database, batch, self.remove)

    def keys(self, batch: Sequence[PlannedKey]) -> Subjects[str]:
        return self.remove([item.key for item in batch])

    def remove(self, keys: Subjects[str]) -> Subjects[str]:
        """Remove the objects under some keys; one that cannot be removed stays listed."""
        removed = self.loop.attempt_batch(
            keys,
            lambda some: remove_orphans(self.database, self.store, some, settle=self.settle),
            name=lambda key: f"object {key}",
        )
        return set(chain.from_iterable(removed))


_HANDLERS: Mapping[str, Callable[[_Work, Sequence[Any]], Subjects[str]]] = MappingProxyType(
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
