"""Find the assets that depend on a model or a stage without loading the version through Pedigree.

Their materializations point to the event of the stage, and that event names its version. So a body
that asks the registry by itself, or a job elsewhere, leaves a usage that is *declared*.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from pedigree.dagster.assets.model_spec import ModelLine
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.event_scan import ScanPosition, unseen
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.capture.usages import event_of
from pedigree.errors import InvalidNameError, NotFoundError
from pedigree.lineage.records import Capture
from pedigree.lineage.usages import NewUsage
from pedigree.registry import Registry


def declared_usages(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    lines: Mapping[str, ModelLine],
    place: ScanPosition,
) -> ScanPosition:
    """Record what this repository's consumers of models and stages wrote since they were seen.

    They are looked at by turns, so that a tick takes no longer with ten thousand of them.

    Args:
        context: The tick's context.
        registry: The registry.
        lines: The model lines of this repository, by name.
        place: How far the last look came.

    Returns:
        How far this look came.
    """
    sources = dict(_sources(lines))
    consumers = sorted(_consumers(context, sources))
    found, after = unseen(context.instance, consumers, place)
    for event in found:
        _record(context.instance, registry, sources, event)
    return after


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
        source = event_log.by_ids(instance, key, [pointer]).get(pointer) if line else None
        if line is None or source is None or source.version is None:
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
            registry.record_usage(f"{name}/{source.version}", use)
        except (InvalidNameError, NotFoundError):
            continue  # partitions are named otherwise now, or the version was deleted meanwhile
