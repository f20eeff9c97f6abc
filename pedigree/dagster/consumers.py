"""Find the assets that depend on a model or a stage without loading the version through Pedigree.

Their materializations point to the event of the stage, and that event names its version. So a body
that asks the registry by itself, or a job elsewhere, leaves a usage that is *declared*.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from pedigree.dagster import events, metadata
from pedigree.dagster.events import AssetEvent
from pedigree.dagster.line import ModelLine
from pedigree.dagster.provenance import instance_id
from pedigree.dagster.usages import event_of
from pedigree.errors import InvalidNameError, NotFoundError
from pedigree.lineage.records import Capture
from pedigree.lineage.usages import NewUsage
from pedigree.registry import Registry

# So many consumers are looked at in one tick, by one query, and so many materializations of each.
_CONSUMERS = 500
_AT_ONCE = 200


def declared_usages(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    lines: Mapping[str, ModelLine],
    seen: Mapping[str, int],
    turn: int,
) -> tuple[dict[str, int], int]:
    """Record what this repository's consumers of models and stages wrote since they were seen.

    They are looked at by turns, so that a tick takes no longer with ten thousand of them.

    Args:
        context: The tick's context.
        registry: The registry.
        lines: The model lines of this repository, by name.
        seen: Of each consumer the materialization up to which it was looked at, by storage id.
        turn: The consumer whose turn it is, by its place among all.

    Returns:
        Both, after this look.
    """
    sources = dict(_sources(lines))
    after = dict(seen)
    consumers = sorted(_consumers(context, sources))
    start = turn if turn < len(consumers) else 0
    page = consumers[start : start + _CONSUMERS]
    for consumer, newest in _newest(context.instance, page):
        name = consumer.to_user_string()
        if newest == seen.get(name):
            continue
        # Of two that are written at once the later may be shown first, so both ends count.
        began = min(seen.get(name, 0), newest - 1)
        records_filter = dg.AssetRecordsFilter(consumer, after_storage_id=began)
        found = list(events.recorded(context.instance, records_filter, _AT_ONCE))
        for event in found:
            _record(context.instance, registry, sources, event)
        after[name] = newest if len(found) < _AT_ONCE else found[-1].storage_id
    return after, start + _CONSUMERS


def _newest(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]
) -> Iterator[tuple[dg.AssetKey, int]]:
    """Give those that were materialized, each with the storage id that its last writer left."""
    for record in instance.get_asset_records(keys) if keys else ():
        entry = record.asset_entry
        if entry.last_materialization_storage_id is not None:
            yield entry.asset_key, entry.last_materialization_storage_id


def _sources(lines: Mapping[str, ModelLine]) -> Iterator[tuple[dg.AssetKey, ModelLine]]:
    for line in lines.values():
        yield line.key, line
        for stage in line.stages:
            yield line.stage_key(stage), line


def _consumers(
    context: dg.SensorEvaluationContext, sources: Mapping[dg.AssetKey, ModelLine]
) -> set[dg.AssetKey]:
    repository = context.repository_def
    if repository is None:
        return set()
    graph = repository.asset_graph
    children = (graph.get(key).child_keys for key in sources if graph.has(key))
    return set().union(*children) - set(sources)


def _record(
    instance: dg.DagsterInstance,
    registry: Registry,
    sources: Mapping[dg.AssetKey, ModelLine],
    event: AssetEvent,
) -> None:
    for key, pointer in event.pointers.items():
        line = sources.get(key)
        source = events.by_ids(instance, key, [pointer]).get(pointer) if line else None
        if line is None or source is None or metadata.VERSION not in source.tags:
            continue
        if source.partition not in (None, event.partition):
            continue  # the newest event of any partition, which is not what was used
        use = NewUsage(
            asset=event.key.to_user_string(),
            partitions=(event.partition,),
            run_id=event.run_id or f"runless:{event.storage_id}",
            instance_id=instance_id(instance),
            capture=Capture.DECLARED,
            written=event_of(event),
        )
        try:
            name = line.registered_name(source.partition)
            registry.record_usage(f"{name}/{source.tags[metadata.VERSION]}", use)
        except (InvalidNameError, NotFoundError):
            continue  # partitions are named otherwise now, or the version was deleted meanwhile
