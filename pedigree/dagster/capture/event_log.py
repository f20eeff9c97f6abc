"""Read asset events from a Dagster instance, by its public methods.

Storage ids are taken from these methods only: on SQLite those of ``get_records_for_run`` count per
run and compare with nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.materializations import version_named
from pedigree.dagster.capture.recorded_reads import Reads, decoded
from pedigree.lineage.records import NodeKind

_PAGE = 1000
_RECENT = 100


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
            dg.AssetKey.from_user_string(tag.removeprefix(metadata_keys.INPUT_POINTER)): int(
                pointer
            )
            for tag, pointer in self.tags.items()
            if tag.startswith(metadata_keys.INPUT_POINTER) and pointer.isdigit()
        }

    @property
    def unrecorded_inputs(self) -> tuple[dg.AssetKey, ...]:
        """The inputs that had no event at all."""
        return tuple(
            dg.AssetKey.from_user_string(tag.removeprefix(metadata_keys.INPUT_POINTER))
            for tag, pointer in self.tags.items()
            if tag.startswith(metadata_keys.INPUT_POINTER) and not pointer.isdigit()
        )

    @property
    def is_state(self) -> bool:
        """Whether it says what the asset is; an observation without a data version does not."""
        return self.kind is NodeKind.MATERIALIZATION or self.data_version is not None

    @property
    def has_provenance(self) -> bool:
        """Whether Dagster has recorded its inputs; it has not where a body yielded the event."""
        return metadata_keys.CODE_VERSION in self.tags

    def input_version(self, key: dg.AssetKey) -> str | None:
        """Return the data version that the event's tags give to an input."""
        return self.tags.get(metadata_keys.INPUT_DATA_VERSION + key.to_user_string())


def latest(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str] | None
) -> dict[str | None, AssetEvent]:
    """Return the newest state of each partition that has one; of the asset if it has none.

    An observation is a state where it carries a data version, or where nothing is materialized.
    """
    last = last_made(instance, key)
    if partitions is None:
        made = _fetch(instance, dg.AssetRecordsFilter(key), limit=1, observed=False)
        both = [*made, *last, *_versioned(instance, key)]
        states = [event for event in both if event.is_state] or both
        newest = max(states, key=lambda event: event.storage_id, default=None)
        return {newest.partition: newest} if newest else {}
    of_each = _newest_of_each(instance, key, partitions, observed=False)
    for event in last:
        known = of_each.get(event.partition)
        if event.partition in partitions and (known is None or known.storage_id < event.storage_id):
            of_each[event.partition] = event
    for partition, event in _newest_of_each(instance, key, partitions, observed=True).items():
        known = of_each.get(partition)
        if known is None or (event.is_state and event.storage_id > known.storage_id):
            of_each[partition] = event
    return of_each


def last_made(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[AssetEvent]:
    """Return the last materialization of an asset, also where its run was deleted.

    What it made is still there then, and an older event would pass for it. Dagster keeps the last
    one of an asset apart from its log; a wipe deletes that too.
    """
    records = instance.get_asset_records([key])
    last = [record.asset_entry.last_materialization_record for record in records]
    return [_event(record) for record in last if record is not None]


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
    code_version = tags.get(metadata_keys.CODE_VERSION)
    return AssetEvent(
        key=said.asset_key,
        partition=said.partition,
        kind=NodeKind.MATERIALIZATION if record.asset_materialization else NodeKind.OBSERVATION,
        storage_id=record.storage_id,
        run_id=record.run_id or None,
        at=datetime.fromtimestamp(record.timestamp, UTC),
        data_version=tags.get(metadata_keys.DATA_VERSION),
        # Where an asset has no code version, Dagster writes the run's id in its place.
        code_version=code_version if code_version != record.run_id else None,
        version=version_named(said),
        tags=tags,
        step_key=record.event_log_entry.step_key,
        reads=decoded((said.metadata or {}).get(metadata_keys.READS)),
    )
