"""Read asset events from a Dagster instance, by its public methods.

Storage ids are taken from these methods only: on SQLite those of ``get_records_for_run`` count per
run and compare with nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

import dagster as dg

from pedigree.dagster import metadata
from pedigree.dagster.reads import Reads, decoded
from pedigree.lineage.records import NodeKind

_PAGE = 1000
_RECENT = 100


class MaterializationRecord(NamedTuple):
    """A materialization, with its place in the event log."""

    storage_id: int
    run_id: str
    event: dg.AssetMaterialization


@dataclass(frozen=True)
class AssetEvent:
    """A materialization or observation: what an asset (partition) was, from then on."""

    key: dg.AssetKey
    partition: str | None
    kind: NodeKind
    storage_id: int
    run_id: str | None
    at: datetime
    data_version: str | None
    code_version: str | None
    version: int | None = field(default=None, compare=False)
    tags: dict[str, str] = field(default_factory=dict, compare=False)
    step_key: str | None = field(default=None, compare=False)
    reads: Reads | str | None = field(default=None, compare=False)
    """What its step read; or the partition whose event of the same run says so."""

    @cached_property
    def pointers(self) -> dict[dg.AssetKey, int]:
        """The events of its inputs, as the event's own tags name them."""
        return {
            dg.AssetKey.from_user_string(tag.removeprefix(metadata.INPUT_POINTER)): int(pointer)
            for tag, pointer in self.tags.items()
            if tag.startswith(metadata.INPUT_POINTER) and pointer.isdigit()
        }

    @property
    def unrecorded_inputs(self) -> tuple[dg.AssetKey, ...]:
        """The inputs that had no event at all."""
        return tuple(
            dg.AssetKey.from_user_string(tag.removeprefix(metadata.INPUT_POINTER))
            for tag, pointer in self.tags.items()
            if tag.startswith(metadata.INPUT_POINTER) and not pointer.isdigit()
        )

    @property
    def is_state(self) -> bool:
        """Whether it says what the asset is; an observation without a data version does not."""
        return self.kind is NodeKind.MATERIALIZATION or self.data_version is not None

    @property
    def has_provenance(self) -> bool:
        """Whether Dagster has recorded its inputs; it has not where a body yielded the event."""
        return metadata.CODE_VERSION in self.tags

    def input_version(self, key: dg.AssetKey) -> str | None:
        """Return the data version that the event's tags give to an input."""
        return self.tags.get(metadata.INPUT_DATA_VERSION + key.to_user_string())


def latest(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str] | None
) -> dict[str | None, AssetEvent]:
    """Return the newest state of each partition that has one; of the asset if it has none.

    An observation is a state where it carries a data version, or where nothing is materialized.
    """
    if partitions is None:
        made = _fetch(instance, dg.AssetRecordsFilter(key), limit=1, observed=False)
        both = [*made, *_versioned(instance, key)]
        states = [event for event in both if event.is_state] or both
        newest = max(states, key=lambda event: event.storage_id, default=None)
        return {newest.partition: newest} if newest else {}
    of_each = _newest_of_each(instance, key, partitions, observed=False)
    for partition, event in _newest_of_each(instance, key, partitions, observed=True).items():
        known = of_each.get(partition)
        if known is None or (event.is_state and event.storage_id > known.storage_id):
            of_each[partition] = event
    return of_each


def by_ids(
    instance: dg.DagsterInstance, key: dg.AssetKey, ids: Iterable[int]
) -> dict[int, AssetEvent]:
    """Return the events of one asset that are still there, by storage id."""
    wanted = sorted(set(ids))
    found: dict[int, AssetEvent] = {}
    for observed in (False, True):
        missing = [storage_id for storage_id in wanted if storage_id not in found]
        for start in range(0, len(missing), _PAGE):
            page = missing[start : start + _PAGE]
            records = _fetch(
                instance,
                dg.AssetRecordsFilter(key, storage_ids=page),
                limit=len(page),
                observed=observed,
            )
            found.update({event.storage_id: event for event in records})
    return found


def recorded(
    instance: dg.DagsterInstance,
    records_filter: dg.AssetRecordsFilter,
    limit: int | None = None,
    *,
    observed: bool = False,
) -> Iterator[AssetEvent]:
    """Give materializations, or observations, the oldest first; all of them without a limit."""
    fetch = instance.fetch_observations if observed else instance.fetch_materializations
    cursor, left = None, limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = fetch(records_filter, limit=size, cursor=cursor, ascending=True)
        yield from map(_event, page.records)
        if not page.has_more:
            break
        cursor, left = page.cursor, None if left is None else left - size


def newest_first(
    instance: dg.DagsterInstance, key: dg.AssetKey, *, observed: bool
) -> Iterator[AssetEvent]:
    """Give an asset's materializations, or its observations, the newest first."""
    fetch = instance.fetch_observations if observed else instance.fetch_materializations
    cursor = None
    while True:
        page = fetch(dg.AssetRecordsFilter(key), limit=_PAGE, cursor=cursor)
        yield from map(_event, page.records)
        if not page.has_more:
            return
        cursor = page.cursor


def of_run(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, run_id: str
) -> MaterializationRecord | None:
    """Return what a run materialized; where it did not, the asset's newest materialization."""
    records_filter = dg.AssetRecordsFilter(
        key, asset_partitions=[partition] if partition is not None else None
    )
    newest = _materializations(instance, records_filter, 1)
    if not newest or newest[0].run_id == run_id:
        return next(iter(newest), None)
    recent = _materializations(instance, records_filter, _RECENT)
    return next((record for record in recent if record.run_id == run_id), newest[0])


def materialized_by(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, run_id: str
) -> bool:
    """Say whether a run has materialized an asset (partition), recently."""
    record = of_run(instance, key, partition, run_id)
    return record is not None and record.run_id == run_id


def of_version(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    partition: str | None,
    version: int,
    searched: int,
) -> int | None:
    """Return the storage id of the newest materialization that names a version of a model."""
    records_filter = dg.AssetRecordsFilter(
        key, asset_partitions=[partition] if partition is not None else None
    )
    for limit in (_RECENT, searched):
        records = _materializations(instance, records_filter, limit)
        for record in records:
            if version_named(record.event) == version:
                return record.storage_id
        if len(records) < limit:
            break
    return None


def version_named(event: dg.AssetMaterialization | dg.AssetObservation) -> int | None:
    """Return the version of a model that an event names.

    One that an IO manager wrote names it in its metadata alone: it can set no tags.
    """
    said = event.metadata.get(metadata.VERSION)
    named = (event.tags or {}).get(metadata.VERSION) or (str(said.value) if said else "")
    return int(named) if named.isdecimal() else None


def newest(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None
) -> MaterializationRecord | None:
    """Return the newest materialization of an asset (partition)."""
    records_filter = dg.AssetRecordsFilter(
        key, asset_partitions=[partition] if partition is not None else None
    )
    return next(iter(_materializations(instance, records_filter, 1)), None)


def _materializations(
    instance: dg.DagsterInstance, records_filter: dg.AssetRecordsFilter, limit: int
) -> list[MaterializationRecord]:
    return [
        MaterializationRecord(record.storage_id, record.run_id, record.asset_materialization)
        for record in instance.fetch_materializations(records_filter, limit=limit).records
        if record.asset_materialization
    ]


def _versioned(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[AssetEvent]:
    """Return an asset's newest observation that carries a data version, else its newest."""
    found = _fetch(instance, dg.AssetRecordsFilter(key), limit=_RECENT, observed=True)
    return ([event for event in found if event.is_state] or found)[:1]


def _newest_of_each(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str], *, observed: bool
) -> dict[str | None, AssetEvent]:
    """Return each partition's newest materialization, or its newest observation.

    An observation that carries a data version goes before a newer one that does not.
    """
    found: dict[str | None, AssetEvent] = {}
    left, top = set(partitions), None
    while left:
        # A page for most; a partition that fills pages alone has been found by then.
        records_filter = dg.AssetRecordsFilter(
            key, asset_partitions=sorted(left), before_storage_id=top
        )
        page = _fetch(instance, records_filter, limit=_PAGE, observed=observed)
        for event in page:
            if event.partition in left and event.is_state:
                found[event.partition] = event
                left.discard(event.partition)
            else:
                found.setdefault(event.partition, event)
        if len(page) < _PAGE:
            break
        top = page[-1].storage_id
    return found


def _fetch(
    instance: dg.DagsterInstance,
    records_filter: dg.AssetRecordsFilter,
    *,
    limit: int,
    observed: bool,
) -> list[AssetEvent]:
    fetch = instance.fetch_observations if observed else instance.fetch_materializations
    return [_event(record) for record in fetch(records_filter, limit=limit).records]


def _event(record: dg.EventLogRecord) -> AssetEvent:
    said = record.asset_materialization or record.event_log_entry.asset_observation
    if said is None:
        raise TypeError(f"event {record.storage_id} is neither materialization nor observation")
    tags = dict(said.tags or {})
    code_version = tags.get(metadata.CODE_VERSION)
    return AssetEvent(
        key=said.asset_key,
        partition=said.partition,
        kind=NodeKind.MATERIALIZATION if record.asset_materialization else NodeKind.OBSERVATION,
        storage_id=record.storage_id,
        run_id=record.run_id or None,
        at=datetime.fromtimestamp(record.timestamp, UTC),
        data_version=tags.get(metadata.DATA_VERSION),
        # Where an asset has no code version, Dagster writes the run's id in its place.
        code_version=code_version if code_version != record.run_id else None,
        version=version_named(said),
        tags=tags,
        step_key=record.event_log_entry.step_key,
        reads=decoded((said.metadata or {}).get(metadata.READS)),
    )
