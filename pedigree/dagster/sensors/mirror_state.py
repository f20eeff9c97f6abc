"""What the asset graph already shows of models, read once per tick."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import dagster as dg

from pedigree.dagster import metadata_keys

# Concurrent writers may commit out of order, so read more than the newest materialization.
_NEWEST = 10
_RECENT = 100
_OLDER = 1000


class Registrations(NamedTuple):
    """The versions in the newest materializations of a model's asset."""

    versions: frozenset[int]
    runs: frozenset[str]
    seq: int
    newest: int | None
    since: float


class ShownHolder(NamedTuple):
    """The version that a stage's asset shows, and its data version; None if it shows none."""

    version: int | None = None
    data_version: str | None = None


class GraphState:
    """One tick's view of the graph."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self.generation = cache(self._generation)
        self.registrations = cache(self._registrations)
        self.alias_seq = cache(self._alias_seq)
        self._runs: dict[str, dg.DagsterRun] = {}
        self._last: dict[dg.AssetKey, ShownHolder] = {}

    def load_runs(self, run_ids: Iterable[str]) -> None:
        """Look up runs; runs of other instances do not exist here."""
        wanted = sorted({run_id for run_id in run_ids if run_id})
        if wanted:
            runs = self._instance.get_runs(dg.RunsFilter(run_ids=wanted))
            self._runs |= {run.run_id: run for run in runs}

    def in_progress(self, run_id: object) -> bool:
        """Return whether a run of this instance has not ended."""
        run = self._runs.get(str(run_id))
        return run is not None and not run.is_finished

    def has_materialized(self, run_id: str, key: dg.AssetKey, partition: str | None) -> bool:
        """Return whether a run of this instance has materialized an asset."""
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

    def load_last_versions(self, keys: Iterable[dg.AssetKey]) -> None:
        """Look up the versions in the asset rows of stages, with one query.

        The row is older than the newest event if a process died between writing the two.
        """
        self._last |= dict.fromkeys(keys, ShownHolder())
        for record in self._instance.get_asset_records(list(self._last)) if self._last else ():
            last = record.asset_entry.last_materialization
            if last is not None and last.asset_materialization is not None:
                shown = _holder(last.asset_materialization)
                self._last[record.asset_entry.asset_key] = shown

    def stage_holder(self, key: dg.AssetKey, partition: str | None) -> ShownHolder:
        """Return the version that a stage's asset shows."""
        if partition is None:
            if key not in self._last:
                self.load_last_versions([key])
            return self._last[key]
        shown = self._materializations(key, partition, 1)
        return _holder(shown[0]) if shown else ShownHolder()

    def _generation(self, key: dg.AssetKey, partition: str | None) -> int:
        """Return the newest generation that a stage's asset shows; -1 if it shows none."""
        shown = self._materializations(key, partition, _NEWEST)
        return _highest(shown, metadata_keys.GENERATION)

    def _alias_seq(self, key: dg.AssetKey, partition: str | None) -> int:
        """Return the feed position of the newest alias event that a model's asset shows."""
        records = self._instance.fetch_observations(_filter(key, partition), limit=_RECENT).records
        observations = (record.event_log_entry.asset_observation for record in records)
        return _highest([event for event in observations if event], metadata_keys.REGISTRY_SEQ)

    def older_registrations(self, key: dg.AssetKey, partition: str | None) -> Registrations:
        """Return the versions that a model's asset shows, including older ones."""
        return self._registrations(key, partition, _OLDER)

    def _registrations(
        self, key: dg.AssetKey, partition: str | None, limit: int = _RECENT
    ) -> Registrations:
        records = self._instance.fetch_materializations(
            _filter(key, partition), limit=limit
        ).records
        shown = [event for record in records if (event := record.asset_materialization)]
        versions = [_integer(event.metadata, metadata_keys.VERSION) for event in shown]
        is_full = len(records) == limit
        found = Registrations(
            versions=frozenset(versions),
            runs=frozenset(record.run_id for record in records if record.run_id),
            seq=_highest(shown, metadata_keys.REGISTRY_SEQ),
            newest=next((version for version in versions if version > 0), None),
            since=records[-1].timestamp if is_full else float("-inf"),
        )
        if is_full and found.seq < 0 and limit < _OLDER:
            return self.older_registrations(key, partition)
        return found

    def _materializations(
        self, key: dg.AssetKey, partition: str | None, limit: int
    ) -> list[dg.AssetMaterialization]:
        records = self._instance.fetch_materializations(
            _filter(key, partition), limit=limit
        ).records
        return [event for record in records if (event := record.asset_materialization)]


def _filter(key: dg.AssetKey, partition: str | None) -> dg.AssetRecordsFilter:
    return dg.AssetRecordsFilter(
        key, asset_partitions=[partition] if partition is not None else None
    )


def _holder(shown: dg.AssetMaterialization) -> ShownHolder:
    digest = shown.metadata.get(metadata_keys.DIGEST)
    return ShownHolder(
        _integer(shown.metadata, metadata_keys.VERSION), str(digest.value) if digest else None
    )


def _highest(shown: Sequence[dg.AssetMaterialization | dg.AssetObservation], name: str) -> int:
    return max((_integer(event.metadata, name) for event in shown), default=-1)


def _integer(found: Mapping[str, dg.MetadataValue[Any]], name: str) -> int:
    return int(str(found[name].value)) if name in found else -1
