"""Make the plan of a garbage collection: what goes, what moves, and why."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from pedigree.artifacts.records import Digest
from pedigree.collection.records import ITEM, Count, PlannedItem
from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction, stream, take_snapshot

SQL = load_queries(__package__)

# In this order they are done: what refers goes before what it refers to.
_LISTS = {
    "version": "list_versions",
    "artifact": "list_artifacts",
    "blob": "list_blobs",
    "tier": "list_tiers",
    "move": "list_moves",
    "upload": "list_uploads",
    "key": "list_keys",
}


class Plan:
    """The items of a plan, in a temporary file: any number of them fits into memory.

    The digest is taken over all items, so two plans of one digest would do the same.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self._sha256 = hashlib.sha256()
        self._items: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, item: PlannedItem) -> None:
        """Append an item."""
        line = item.model_dump_json() + "\n"
        self._file.write(line)
        self._sha256.update(line.encode())
        self._items[item.kind] += 1
        self._bytes[item.kind] += getattr(item, "bytes", 0)

    def __iter__(self) -> Iterator[PlannedItem]:
        self._file.seek(0)
        for line in self._file:
            yield ITEM.validate_json(line)

    @property
    def digest(self) -> Digest:
        """The sha256 over the items."""
        return f"sha256:{self._sha256.hexdigest()}"

    @property
    def counts(self) -> dict[str, Count]:
        """How many items of each kind there are, and their bytes."""
        return {
            kind: Count(items=self._items[kind], bytes=self._bytes[kind])
            for kind in _LISTS
            if self._items[kind]
        }

    def close(self) -> None:
        """Forget the items."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def make_plan(database: Database, window: timedelta) -> Plan:
    """Say what a garbage collection would do now; nothing is changed.

    Args:
        database: The registry's.
        window: How long a deleted version can be restored, where its model has no window.

    Returns:
        The plan, seen at one moment; close it.
    """
    return database.run(lambda transaction: _plan(transaction, window))


def _plan(transaction: Transaction, window: timedelta) -> Plan:
    take_snapshot(transaction)
    transaction.execute(SQL["make_plan_tables"])
    transaction.execute(SQL["plan_versions"], {"window_s": window.total_seconds()})
    transaction.execute(SQL["know_planned_versions"])
    transaction.execute(SQL["plan_artifacts"])
    transaction.execute(SQL["know_planned_artifacts"])
    transaction.execute(SQL["plan_blobs"])
    transaction.execute(SQL["plan_tiers"])
    plan = Plan()
    try:
        for kind, query in _LISTS.items():
            for row in stream(transaction, SQL[query]):
                plan.add(ITEM.validate_python({"kind": kind, **row}))
    except BaseException:
        plan.close()
        raise
    return plan
