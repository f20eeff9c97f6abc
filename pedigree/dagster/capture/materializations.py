"""Find materializations of models and stages: of a run, or of a version."""

from typing import NamedTuple

import dagster as dg

from pedigree.dagster import metadata_keys

_RECENT = 100


class MaterializationRecord(NamedTuple):
    """A materialization, with its storage id in the event log."""

    storage_id: int
    run_id: str
    event: dg.AssetMaterialization


def of_run(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, run_id: str
) -> MaterializationRecord | None:
    """Return a run's materialization of an asset, or else the asset's newest one."""
    records_filter = dg.AssetRecordsFilter(
        key, asset_partitions=[partition] if partition is not None else None
    )
    newest = _materializations(instance, records_filter, 1)
    if not newest or newest[0].run_id == run_id:
        return next(iter(newest), None)
    recent = _materializations(instance, records_filter, _RECENT)
    return next((record for record in recent if record.run_id == run_id), newest[0])


def of_version(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    partition: str | None,
    version: int,
    searched: int,
) -> int | None:
    """Return the storage id of a model version's newest materialization."""
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
    """Return the model version in an event's tags or metadata.

    An event from an IO manager has it only in the metadata: an IO manager cannot set tags.
    """
    value = event.metadata.get(metadata_keys.VERSION)
    version = (event.tags or {}).get(metadata_keys.VERSION) or (str(value.value) if value else "")
    return int(version) if version.isdecimal() else None


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
