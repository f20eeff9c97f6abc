"""Read asset events from a Dagster instance through its public methods.

Storage ids come only from these methods: on SQLite those of ``get_records_for_run`` count per run
and are not comparable.
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
    """A materialization or observation: the state of an asset (partition) from then on."""

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
    """What its step read; or the partition whose event of the same run has the record."""

    @cached_property
    def pointers(self) -> dict[dg.AssetKey, int]:
        """The events of its inputs, from the event's own tags."""
        return {
            dg.AssetKey.from_user_string(tag.removeprefix(metadata_keys.INPUT_POINTER)): int(
                pointer
            )
            for tag, pointer in self.tags.items()
            if tag.startswith(metadata_keys.INPUT_POINTER) and pointer.isdigit()
        }

    @property
    def unrecorded_inputs(self) -> tuple[dg.AssetKey, ...]:
        """The inputs that had no event."""
        return tuple(
            dg.AssetKey.from_user_string(tag.removeprefix(metadata_keys.INPUT_POINTER))
            for tag, pointer in self.tags.items()
            if tag.startswith(metadata_keys.INPUT_POINTER) and not pointer.isdigit()
        )

    @property
    def is_state(self) -> bool:
        """Whether it defines the asset's state; an observation without a data version does not."""
        return self.kind is NodeKind.MATERIALIZATION or self.data_version is not None

    @property
    def has_provenance(self) -> bool:
        """Whether Dagster recorded its inputs; it does not for an event that a body yields."""
        return metadata_keys.CODE_VERSION in self.tags

    def input_version(self, key: dg.AssetKey) -> str | None:
        """Return the data version of an input, from the event's tags."""
        return self.tags.get(metadata_keys.INPUT_DATA_VERSION + key.to_user_string())


def latest(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str] | None
) -> dict[str | None, AssetEvent]:
    """Return the newest state of each of the partitions, or of the asset without partitions.

    An observation is a state if it has a data version, or if the asset has no materialization.
    """
    last = last_materialization(instance, key)
    if partitions is None:
        made = _fetch(instance, dg.AssetRecordsFilter(key), limit=1, observed=False)
        both = [*made, *last, *_newest_observation(instance, key)]
        states = [event for event in both if event.is_state] or both
        newest = max(states, key=lambda event: event.storage_id, default=None)
        return {newest.partition: newest} if newest else {}
    states_by_partition = _newest_by_partition(instance, key, partitions, observed=False)
    for event in last:
        state = states_by_partition.get(event.partition)
        if event.partition in partitions and (state is None or state.storage_id < event.storage_id):
            states_by_partition[event.partition] = event
    for partition, event in _newest_by_partition(instance, key, partitions, observed=True).items():
        state = states_by_partition.get(partition)
        if state is None or (event.is_state and event.storage_id > state.storage_id):
            states_by_partition[partition] = event
    return states_by_partition


def last_materialization(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[AssetEvent]:
    """Return the last materialization of an asset, even if its run was deleted.

    The data of that run still exists, and without its event an older one would be taken for it.
    Dagster stores the last materialization of an asset outside its log; a wipe deletes it too.
    """
    records = instance.get_asset_records([key])
    last = [record.asset_entry.last_materialization_record for record in records]
    return [_event(record) for record in last if record is not None]


def by_ids(
    instance: dg.DagsterInstance, key: dg.AssetKey, ids: Iterable[int]
) -> dict[int, AssetEvent]:
    """Return the events of one asset that still exist, by storage id."""
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


def oldest_first(
    instance: dg.DagsterInstance,
    records_filter: dg.AssetRecordsFilter,
    limit: int | None = None,
    *,
    observed: bool = False,
) -> Iterator[AssetEvent]:
    """Yield materializations or observations, oldest first; all of them without a limit."""
    fetch = instance.fetch_observations if observed else instance.fetch_materializations
    cursor, remaining = None, limit
    while remaining is None or remaining > 0:
        size = _PAGE if remaining is None else min(remaining, _PAGE)
        page = fetch(records_filter, limit=size, cursor=cursor, ascending=True)
        yield from map(_event, page.records)
        if not page.has_more:
            break
        cursor, remaining = page.cursor, None if remaining is None else remaining - size


def newest_first(
    instance: dg.DagsterInstance, key: dg.AssetKey, *, observed: bool
) -> Iterator[AssetEvent]:
    """Yield an asset's materializations or observations, newest first."""
    fetch = instance.fetch_observations if observed else instance.fetch_materializations
    cursor = None
    while True:
        page = fetch(dg.AssetRecordsFilter(key), limit=_PAGE, cursor=cursor)
        yield from map(_event, page.records)
        if not page.has_more:
            return
        cursor = page.cursor


def _newest_observation(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[AssetEvent]:
    """Return an asset's newest observation with a data version, or else its newest one."""
    found = _fetch(instance, dg.AssetRecordsFilter(key), limit=_RECENT, observed=True)
    return ([event for event in found if event.is_state] or found)[:1]


def _newest_by_partition(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str], *, observed: bool
) -> dict[str | None, AssetEvent]:
    """Return each partition's newest materialization, or its newest observation.

    An observation with a data version takes precedence over a newer one without.
    """
    found: dict[str | None, AssetEvent] = {}
    left, top = set(partitions), None
    while left:
        # One page covers most partitions. The next page omits those found, which may fill pages.
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
    event = record.asset_materialization or record.event_log_entry.asset_observation
    if event is None:
        raise TypeError(f"event {record.storage_id} is neither materialization nor observation")
    tags = dict(event.tags or {})
    code_version = tags.get(metadata_keys.CODE_VERSION)
    return AssetEvent(
        key=event.asset_key,
        partition=event.partition,
        kind=NodeKind.MATERIALIZATION if record.asset_materialization else NodeKind.OBSERVATION,
        storage_id=record.storage_id,
        run_id=record.run_id or None,
        at=datetime.fromtimestamp(record.timestamp, UTC),
        data_version=tags.get(metadata_keys.DATA_VERSION),
        # If an asset has no code version, Dagster writes the run's id in its place.
        code_version=code_version if code_version != record.run_id else None,
        version=version_named(event),
        tags=tags,
        step_key=record.event_log_entry.step_key,
        reads=decoded((event.metadata or {}).get(metadata_keys.READS)),
    )
