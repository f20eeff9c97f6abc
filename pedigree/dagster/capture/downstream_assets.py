"""Find assets that depend on a model or a stage but do not load the version through Pedigree.

Their materializations point to the event of the stage, and that event names its version. So a body
that queries the registry itself, or an external job, leaves a *declared* usage.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from pedigree.dagster.assets.model_spec import ModelSpec
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.event_scan import ScanPosition, new_events
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.capture.usages import written_event
from pedigree.errors import InvalidNameError, NotFoundError
from pedigree.lineage.records import Capture
from pedigree.lineage.usages import NewUsage
from pedigree.registry import Registry


def declared_usages(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    model_specs: Mapping[str, ModelSpec],
    position: ScanPosition,
) -> ScanPosition:
    """Record what this repository's consumers of models and stages wrote since the last scan.

    Each tick scans some of them in turn, so that ten thousand of them do not make a tick longer.

    Args:
        context: The tick's context.
        registry: The registry.
        model_specs: The model specs of this repository, by name.
        position: The position of the last scan.

    Returns:
        The position after this scan.
    """
    sources = dict(_sources(model_specs))
    consumers = sorted(_consumers(context, sources))
    found, after = new_events(context.instance, consumers, position)
    for event in found:
        _record(context.instance, registry, sources, event)
    return after


def _sources(model_specs: Mapping[str, ModelSpec]) -> Iterator[tuple[dg.AssetKey, ModelSpec]]:
    for model_spec in model_specs.values():
        yield model_spec.key, model_spec
        for stage in model_spec.stages:
            yield model_spec.stage_key(stage), model_spec


def _consumers(
    context: dg.SensorEvaluationContext, sources: Mapping[dg.AssetKey, ModelSpec]
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
    sources: Mapping[dg.AssetKey, ModelSpec],
    event: AssetEvent,
) -> None:
    for key, pointer in event.pointers.items():
        model_spec = sources.get(key)
        source = event_log.by_ids(instance, key, [pointer]).get(pointer) if model_spec else None
        if model_spec is None or source is None or source.version is None:
            continue
        if source.partition not in (None, event.partition):
            continue  # the newest event of any partition, not the one that was used
        use = NewUsage(
            asset=event.key.to_user_string(),
            partitions=(event.partition,),
            run_id=event.run_id or f"runless:{event.storage_id}",
            instance_id=instance_id(instance),
            capture=Capture.DECLARED,
            written=written_event(event),
        )
        try:
            name = model_spec.registered_name(source.partition)
            registry.operations.usages.record_usage(f"{name}/{source.version}", use)
        except (InvalidNameError, NotFoundError):
            continue  # the names of partitions changed, or the version has been deleted
