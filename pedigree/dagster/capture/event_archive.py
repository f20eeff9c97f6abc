"""Copy to the registry the events that models depend on, so that a later wipe loses nothing."""

from collections.abc import Collection, Iterable
from typing import Any

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelLine
from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.event_history import EventSource, Kept
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.event_scan import ScanPosition, unseen
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


def kept_by(registry: Registry, instance: dg.DagsterInstance) -> Kept:
    """Return how the registry's copies of an asset's events are looked up."""
    of_instance = instance_id(instance) or ""

    def kept(key: dg.AssetKey) -> Collection[AssetEvent]:
        found = registry.kept_asset_events(of_instance, key.to_user_string())
        return [_event(each) for each in found]

    return kept


def keep_events(
    instance: dg.DagsterInstance,
    registry: Registry,
    graph: LocationGraph,
    lines: Iterable[ModelLine],
    place: ScanPosition,
) -> ScanPosition:
    """Copy what the assets upstream of models recorded since they were looked at.

    They are looked at by turns, so that a tick takes no longer with ten thousand of them.

    Args:
        instance: The Dagster instance.
        registry: The registry.
        graph: The code location's asset graph.
        lines: The model lines of the location.
        place: How far the last look came.

    Returns:
        How far this look came.
    """
    keys = sorted(_upstream(graph, [line.key for line in lines]))
    source = EventSource(instance)
    found, after = unseen(instance, keys, place)
    if found:
        kept = [_kept(event, source) for event in found]
        registry.keep_asset_events(instance_id(instance) or "", kept)
    return after


def _upstream(graph: LocationGraph, keys: Iterable[dg.AssetKey]) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    left = list(keys)
    while left:
        parents = graph.parents(left.pop()) - found
        found |= parents
        left += parents
    return found


def _kept(event: AssetEvent, source: EventSource) -> KeptEvent:
    # Of a range of partitions one event has the record, and the others name it.
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


def _event(kept: KeptEvent) -> AssetEvent:
    known: dict[str, Any] = kept.model_dump(exclude={"asset", "reads"})
    reads = from_json(kept.reads) if kept.reads else None
    return AssetEvent(key=dg.AssetKey.from_user_string(kept.asset), reads=reads, **known)
