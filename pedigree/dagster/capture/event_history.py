"""The events of assets, from Dagster's log and from the registry's copy of what is gone there."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import TypeAlias

import dagster as dg

from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.recorded_reads import Reads, collected
from pedigree.dagster.capture.run_log import RunLog, StepLog

Kept: TypeAlias = Callable[[dg.AssetKey], Collection[AssetEvent]]
"""Return the registry's copies of an asset's events."""


def nothing_kept(_: dg.AssetKey) -> tuple[AssetEvent, ...]:
    """Say that there are no copies."""
    return ()


# Of an asset with more events the newest ones are looked at, and the rest is said to be unknown.
_MOST_EVENTS = 20_000


class AssetHistory:
    """The events of one asset, the newest first."""

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
        """Whether any event is about a partition."""
        return any(event.partition is not None for event in self.events)

    def candidates(
        self, began: Callable[[AssetEvent], bool], ended: int | None = None
    ) -> dict[str | None, tuple[AssetEvent, ...]]:
        """Return, by partition, the events that were its newest at some moment of a step.

        Args:
            began: Whether an event was there when the step began.
            ended: The storage id of what the step made; None while it runs.

        Returns:
            The event that was there at the beginning last, and those that came while it ran.
        """
        found: defaultdict[str | None, list[AssetEvent]] = defaultdict(list)
        done: set[str | None] = set()
        for event in self.events:
            if event.partition in done or (ended is not None and event.storage_id >= ended):
                continue
            found[event.partition].append(event)
            if began(event):
                done.add(event.partition)
        return {partition: tuple(reversed(each)) for partition, each in found.items()}


class EventSource:
    """Looks up events, each asset and each run once.

    Args:
        instance: The Dagster instance.
        kept: The registry's copies; an event that Dagster has deleted may be among them.
    """

    def __init__(self, instance: dg.DagsterInstance, kept: Kept = nothing_kept) -> None:
        self.instance = instance
        self._kept_of = kept
        self._kept: dict[dg.AssetKey, dict[int, AssetEvent]] = {}
        self._events: dict[tuple[dg.AssetKey, int], AssetEvent | None] = {}
        self._histories: dict[dg.AssetKey, AssetHistory] = {}
        self._last: dict[dg.AssetKey, list[AssetEvent]] = {}
        self._runs: dict[str, RunLog] = {}

    def prefetch(self, wanted: Mapping[dg.AssetKey, Collection[int]]) -> None:
        """Look up many events by one query an asset."""
        for key, ids in wanted.items():
            left = {each for each in ids if (key, each) not in self._events}
            if not left:
                continue
            found = event_log.by_ids(self.instance, key, left)
            found = {event.storage_id: event for event in self._last_made(key)} | found
            found = {each: found[each] for each in left if each in found}
            if gone := left - set(found):
                kept = self._kept_events(key)
                found |= {each: kept[each] for each in gone if each in kept}
            self._events |= {(key, each): found.get(each) for each in left}

    def know(self, found: Iterable[AssetEvent]) -> None:
        """Remember events that were looked up elsewhere."""
        self._events |= {(event.key, event.storage_id): event for event in found}

    def by_id(self, key: dg.AssetKey, storage_id: int) -> AssetEvent | None:
        """Return one event; None where it is deleted and nobody kept it."""
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
        """Return what its run's log says of the step that made an event."""
        if not event.run_id or not event.step_key:
            return StepLog()
        if event.run_id not in self._runs:
            self._runs[event.run_id] = RunLog(self.instance, event.run_id)
        return self._runs[event.run_id].step(event.step_key)

    def reads(self, event: AssetEvent) -> Reads:
        """Return what the step that made an event recorded of its reads."""
        found = event.reads
        if isinstance(found, str):
            found = self._reads_of_sibling(event, found)
        own = found if isinstance(found, Reads) else Reads()
        if event.step_key and ("." in event.step_key or not event.has_provenance):
            return collected([own, *self.step(event).reads])
        return own

    def _reads_of_sibling(self, event: AssetEvent, partition: str) -> Reads | str | None:
        records_filter = dg.AssetRecordsFilter(event.key, asset_partitions=[partition])
        kept = self._kept_events(event.key).values()
        found = [*event_log.recorded(self.instance, records_filter), *kept]
        same = (each for each in found if each.run_id == event.run_id)
        return next((each.reads for each in same if each.partition == partition), None)

    def _read_history(self, key: dg.AssetKey) -> AssetHistory:
        kept = self._kept_events(key)
        found = dict(kept) | {event.storage_id: event for event in self._last_made(key)}
        complete = True
        for observed in (False, True):
            newest = event_log.newest_first(self.instance, key, observed=observed)
            page = list(islice(newest, _MOST_EVENTS + 1))
            complete = complete and len(page) <= _MOST_EVENTS
            found |= {event.storage_id: event for event in page}
        return AssetHistory(found.values(), complete=complete)

    def _last_made(self, key: dg.AssetKey) -> list[AssetEvent]:
        if key not in self._last:
            self._last[key] = event_log.last_made(self.instance, key)
        return self._last[key]

    def _kept_events(self, key: dg.AssetKey) -> dict[int, AssetEvent]:
        if key not in self._kept:
            self._kept[key] = {event.storage_id: event for event in self._kept_of(key)}
        return self._kept[key]
