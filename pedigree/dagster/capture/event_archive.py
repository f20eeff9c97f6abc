"""Copy the events that models depend on to the registry, so that a later wipe loses nothing."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelSpec
from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.event_history import ArchiveLookup, EventSource
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.event_scan import ScanPosition, new_events
from pedigree.dagster.capture.recorded_reads import from_json, to_json
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.lineage.asset_events import KeptEvent
from pedigree.registry import Registry

_TAGS = (
    metadata_keys.DATA_VERSION,
    metadata_keys.DATA_VERSION_GIVEN,
    metadata_keys.CODE_VERSION,
    metadata_keys.INPUT_POINTER,
    metadata_keys.INPUT_DATA_VERSION,
)


def archive_lookup(registry: Registry, instance: dg.DagsterInstance) -> ArchiveLookup:
    """Return a function that looks up the registry's copies of an asset's events."""
    of_instance = instance_id(instance) or ""

    def look_up(key: dg.AssetKey) -> Collection[AssetEvent]:
        copies = registry.operations.asset_events.kept_asset_events(
            of_instance, key.to_user_string()
        )
        return [_event(copy) for copy in copies]

    return look_up


def keep_events(
    instance: dg.DagsterInstance,
    registry: Registry,
    keys: Sequence[dg.AssetKey],
    position: ScanPosition,
) -> ScanPosition:
    """Copy the new events of assets since the last scan.

    Args:
        instance: The Dagster instance.
        registry: The registry.
        keys: The assets.
        position: The position of the last scan.

    Returns:
        The position after this scan.
    """
    source = EventSource(instance)
    found, after = new_events(instance, keys, position)
    if found:
        copies = [_copy(event, source) for event in found]
        registry.operations.asset_events.keep_asset_events(instance_id(instance) or "", copies)
    return after


def upstream_assets(
    graph: LocationGraph, model_specs: Iterable[ModelSpec]
) -> frozenset[dg.AssetKey]:
    """Return the assets that models depend on, directly or indirectly."""
    found: set[dg.AssetKey] = set()
    left = [model_spec.key for model_spec in model_specs]
    while left:
        parents = graph.parents(left.pop()) - found
        found |= parents
        left += parents
    return frozenset(found)


def _copy(event: AssetEvent, source: EventSource) -> KeptEvent:
    # For a range of partitions one event has the record, and the others refer to it.
    reads = event.reads if isinstance(event.reads, str) else source.reads(event)
    return KeptEvent(
        storage_id=event.storage_id,
        asset=event.key.to_user_string(),
        partition=event.partition,
        kind=event.kind,
        run_id=event.run_id,
        step_key=event.step_key,
        data_version=event.data_version,
        code_version=event.code_version,
        at=event.at,
        tags={name: value for name, value in event.tags.items() if name.startswith(_TAGS)},
        reads=to_json(reads) or None,
    )


def _event(copy: KeptEvent) -> AssetEvent:
    fields: dict[str, Any] = copy.model_dump(exclude={"asset", "reads"})
    reads = from_json(copy.reads) if copy.reads else None
    return AssetEvent(key=dg.AssetKey.from_user_string(copy.asset), reads=reads, **fields)
