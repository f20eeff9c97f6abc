"""What the asset graph shows of models already, asked once a tick."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import dagster as dg

from pedigree.dagster import metadata_keys

# Two writers may overtake each other, so more than the newest materialization is looked at.
_NEWEST = 10
_RECENT = 100
_FAR = 1000


class Registrations(NamedTuple):
    """The versions that a model's asset shows, of its newest materializations."""

    versions: frozenset[int]
    runs: frozenset[str]
    seq: int
    newest: int | None
    since: float

    def cover(self, at: float) -> bool:
        """Say whether what happened at a moment would be among them."""
        return at > self.since


class Graph:
    """One tick's view of the graph."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self.generation = cache(self._generation)
        self.registrations = cache(self._registrations)
        self.alias_seq = cache(self._alias_seq)
        self._runs: dict[str, dg.DagsterRun] = {}
        self._last: dict[dg.AssetKey, int | None] = {}

    def know_runs(self, run_ids: Iterable[str]) -> None:
        """Look up runs; those of other instances are not found."""
        wanted = sorted({run_id for run_id in run_ids if run_id})
        if wanted:
            runs = self._instance.get_runs(dg.RunsFilter(run_ids=wanted))
            self._runs |= {run.run_id: run for run in runs}

    def in_progress(self, run_id: object) -> bool:
        """Say whether a run of this instance has not ended."""
        run = self._runs.get(str(run_id))
        return run is not None and not run.is_finished

    def made(self, run_id: str, key: dg.AssetKey, partition: str | None) -> bool:
        """Say whether a run of this instance has materialized an asset."""
        if run_id in self.registrations(key, partition).runs:
            return True
        if run_id not in self._runs:
            return False
        records = self._instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        ).records
        events = [record.event_log_entry.asset_materialization for record in records]
        return any(
            event is not None and (event.asset_key, event.partition) == (key, partition)
            for event in events
        )

    def know_last(self, keys: Iterable[dg.AssetKey]) -> None:
        """Look up, by one query, the versions that stages' assets show to those who follow them.

        That is no more the newest event where a process died between writing the event and the
        asset's own row.
        """
        self._last |= dict.fromkeys(keys)
        for record in self._instance.get_asset_records(list(self._last)) if self._last else ():
            last = record.asset_entry.last_materialization
            if last is not None and last.asset_materialization is not None:
                found = _integer(last.asset_materialization.metadata, metadata_keys.VERSION)
                self._last[record.asset_entry.asset_key] = found

    def stage_version(self, key: dg.AssetKey, partition: str | None) -> int | None:
        """Return the version that a stage's asset shows; None where it shows none."""
        if partition is None:
            if key not in self._last:
                self.know_last([key])
            return self._last[key]
        shown = self._materializations(key, partition, 1)
        return _integer(shown[0].metadata, metadata_keys.VERSION) if shown else None

    def _generation(self, key: dg.AssetKey, partition: str | None) -> int:
        """Return the newest generation that a stage's asset shows; -1 where it shows none."""
        shown = self._materializations(key, partition, _NEWEST)
        return _highest(shown, metadata_keys.GENERATION)

    def _alias_seq(self, key: dg.AssetKey, partition: str | None) -> int:
        """Return the place in the feed of the newest alias's event that a model's asset shows."""
        records = self._instance.fetch_observations(_filter(key, partition), limit=_RECENT).records
        said = [record.event_log_entry.asset_observation for record in records]
        return _highest([each for each in said if each], metadata_keys.REGISTRY_SEQ)

    def far(self, key: dg.AssetKey, partition: str | None) -> Registrations:
        """Return the versions that a model's asset shows, from farther back."""
        return self._registrations(key, partition, _FAR)

    def _registrations(
        self, key: dg.AssetKey, partition: str | None, limit: int = _RECENT
    ) -> Registrations:
        records = self._instance.fetch_materializations(
            _filter(key, partition), limit=limit
        ).records
        said = [each for record in records if (each := record.asset_materialization)]
        versions = [_integer(each.metadata, metadata_keys.VERSION) for each in said]
        is_full = len(records) == limit
        found = Registrations(
            versions=frozenset(versions),
            runs=frozenset(record.run_id for record in records if record.run_id),
            seq=_highest(said, metadata_keys.REGISTRY_SEQ),
            newest=next((version for version in versions if version > 0), None),
            since=records[-1].timestamp if is_full else float("-inf"),
        )
        if is_full and found.seq < 0 and limit < _FAR:
            return self.far(key, partition)
        return found

    def _materializations(
        self, key: dg.AssetKey, partition: str | None, limit: int
    ) -> list[dg.AssetMaterialization]:
        records = self._instance.fetch_materializations(
            _filter(key, partition), limit=limit
        ).records
        return [each for record in records if (each := record.asset_materialization)]


def _filter(key: dg.AssetKey, partition: str | None) -> dg.AssetRecordsFilter:
    return dg.AssetRecordsFilter(
        key, asset_partitions=[partition] if partition is not None else None
    )


def _highest(shown: Sequence[dg.AssetMaterialization | dg.AssetObservation], name: str) -> int:
    return max((_integer(each.metadata, name) for each in shown), default=-1)


def _integer(found: Mapping[str, dg.MetadataValue[Any]], name: str) -> int:
    return int(str(found[name].value)) if name in found else -1
