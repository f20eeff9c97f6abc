"""The registry's copies of asset events, which an orchestrator's log may delete."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree._values import Key
from pedigree.lineage.records import NodeKind
from pedigree.lineage.store import SQL, columns_of
from pedigree.postgres.transaction import Transaction


class KeptEvent(Record):
    """A materialization or observation, with the facts for an upstream traversal."""

    storage_id: int = Field(description="The orchestrator's ID of the event")
    asset: Key = Field(min_length=1, description="The asset key, parts joined by /")
    partition: Key | None
    kind: NodeKind
    run_id: str | None
    step_key: str | None
    data_version: str | None
    code_version: str | None
    at: datetime
    tags: dict[str, str] = Field(description="The version tags of the event and its inputs")
    reads: dict[str, JsonValue] | None = Field(description="The reads that its step recorded")


def keep_events(transaction: Transaction, instance_id: str, events: Sequence[KeptEvent]) -> None:
    """Store copies of events of one instance; copies that exist already are not changed.

    A different event with the same ID replaces the copy.
    """
    columns = columns_of(KeptEvent, events)
    for name in ("tags", "reads"):
        columns[name] = [None if item is None else json.dumps(item) for item in columns[name]]
    transaction.execute(SQL["keep_events"], {"instance_id": instance_id, **columns})


def kept_events(transaction: Transaction, instance_id: str, asset: str) -> tuple[KeptEvent, ...]:
    """Return the copies of an asset's events, newest first."""
    rows = transaction.execute(SQL["kept_events"], {"instance_id": instance_id, "asset": asset})
    return tuple(KeptEvent(**row) for row in rows.fetchall())
