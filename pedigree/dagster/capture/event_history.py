"""The events of assets, from Dagster's log and from the registry's copies of deleted ones."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import TypeAlias

import dagster as dg

from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.recorded_reads import Reads, combined
from pedigree.dagster.capture.run_log import RunLog, StepLog

ArchiveLookup: TypeAlias = Callable[[dg.AssetKey], Collection[AssetEvent]]
"""Return the registry's copies of an asset's events."""


def no_archive(_: dg.AssetKey) -> tuple[AssetEvent, ...]:
    """Return no copies."""
    return ()


# If an asset has more events, only the newest ones are read and the rest counts as unknown.
_MOST_EVENTS = 20_000


class AssetHistory:
    """The events of one asset, newest first."""

    def __init__(self, found: Iterable[AssetEvent], *, complete: bool) -> None:
        everything = sorted(found, key=lambda event: -event.storage_id)
        with_state = {event.partition for event in everything if event.is_state}
        self.events = [
            event for event in everything if event.is_state or event.partition not in with_state
        ]
        self.complete = complete
        self.ids = frozenset(event.storage_id for event in everything)

    @property
    def partitioned(self) -> bool:
        """Whether any event has a partition."""
        return any(event.partition is not None for event in self.events)

    def candidates(
        self, existed_at_start: Callable[[AssetEvent], bool], output_id: int | None = None
    ) -> dict[str | None, tuple[AssetEvent, ...]]:
        """Return the events that were the newest of their partition at some moment of a step.

        Args:
            existed_at_start: Return whether an event existed when the step started.
            output_id: The storage id of the step's output; None while it runs.

        Returns:
            For each partition, the newest event at the start, and those recorded while it ran.
        """
        found: defaultdict[str | None, list[AssetEvent]] = defaultdict(list)
        done: set[str | None] = set()
        for event in self.events:
            if event.partition in done or (output_id is not None and event.storage_id >= output_id):
                continue
            found[event.partition].append(event)
            if existed_at_start(event):
                done.add(event.partition)
        return {partition: tuple(reversed(events)) for partition, events in found.items()}


class EventSource:
    """Looks up events; reads each asset and each run only once.

    Args:
        instance: The Dagster instance.
        archive: Looks up the registry's copies, which may include events that Dagster has deleted.
    """

    def __init__(self, instance: dg.DagsterInstance, archive: ArchiveLookup = no_archive) -> None:
        self.instance = instance
        self._archive = archive
        self._archived: dict[dg.AssetKey, dict[int, AssetEvent]] = {}
        self._events: dict[tuple[dg.AssetKey, int], AssetEvent | None] = {}
        self._histories: dict[dg.AssetKey, AssetHistory] = {}
        self._last: dict[dg.AssetKey, list[AssetEvent]] = {}
        self._runs: dict[str, RunLog] = {}

    def prefetch(self, wanted: Mapping[dg.AssetKey, Collection[int]]) -> None:
        """Look up many events with one query per asset."""
        for key, ids in wanted.items():
            missing = {i for i in ids if (key, i) not in self._events}
            if not missing:
                continue
            found = event_log.by_ids(self.instance, key, missing)
            found = {event.storage_id: event for event in self._last_materialization(key)} | found
            found = {i: found[i] for i in missing if i in found}
            if deleted := missing - set(found):
                copies = self._archived_events(key)
                found |= {i: copies[i] for i in deleted if i in copies}
            self._events |= {(key, i): found.get(i) for i in missing}

    def remember(self, found: Iterable[AssetEvent]) -> None:
        """Cache events that were looked up elsewhere."""
        self._events |= {(event.key, event.storage_id): event for event in found}

    def by_id(self, key: dg.AssetKey, storage_id: int) -> AssetEvent | None:
        """Return one event; None if it is deleted and the registry has no copy."""
        if (key, storage_id) not in self._events:
            self.prefetch({key: [storage_id]})
        return self._events[key, storage_id]

    def history(self, key: dg.AssetKey) -> AssetHistory:
        """Return an asset's events."""
        if key not in self._histories:
            self._histories[key] = self._read_history(key)
        return self._histories[key]

    def newest(self, key: dg.AssetKey) -> AssetEvent | None:
        """Return an asset's newest event."""
        return next(iter(event_log.latest(self.instance, key, None).values()), None)

    def step(self, event: AssetEvent) -> StepLog:
        """Return the run log's entries for the step that made an event."""
        if not event.run_id or not event.step_key:
            return StepLog()
        if event.run_id not in self._runs:
            self._runs[event.run_id] = RunLog(self.instance, event.run_id)
        return self._runs[event.run_id].step(event.step_key)

    def reads(self, event: AssetEvent) -> Reads:
        """Return the reads that the step of an event recorded."""
        found = event.reads
        if isinstance(found, str):
            found = self._reads_of_sibling(event, found)
        own = found if isinstance(found, Reads) else Reads()
        if event.step_key and ("." in event.step_key or not event.has_provenance):
            return combined([own, *self.step(event).reads])
        return own

    def _reads_of_sibling(self, event: AssetEvent, partition: str) -> Reads | str | None:
        records_filter = dg.AssetRecordsFilter(event.key, asset_partitions=[partition])
        copies = self._archived_events(event.key).values()
        found = [*event_log.oldest_first(self.instance, records_filter), *copies]
        of_run = (other for other in found if other.run_id == event.run_id)
        return next((other.reads for other in of_run if other.partition == partition), None)

    def _read_history(self, key: dg.AssetKey) -> AssetHistory:
        found = dict(self._archived_events(key)) | {
            event.storage_id: event for event in self._last_materialization(key)
        }
        complete = True
        for observed in (False, True):
            newest = event_log.newest_first(self.instance, key, observed=observed)
            page = list(islice(newest, _MOST_EVENTS + 1))
            complete = complete and len(page) <= _MOST_EVENTS
            found |= {event.storage_id: event for event in page}
        return AssetHistory(found.values(), complete=complete)

    def _last_materialization(self, key: dg.AssetKey) -> list[AssetEvent]:
        if key not in self._last:
            self._last[key] = event_log.last_materialization(self.instance, key)
        return self._last[key]

    def _archived_events(self, key: dg.AssetKey) -> dict[int, AssetEvent]:
        if key not in self._archived:
            self._archived[key] = {event.storage_id: event for event in self._archive(key)}
        return self._archived[key]
