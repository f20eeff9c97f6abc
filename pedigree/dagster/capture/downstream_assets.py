"""Find assets that depend on a model or a stage but do not load the version through Pedigree.

Their materializations point to the event of the stage, and that event names its version. So a body
that queries the registry itself, or an external job, leaves a *declared* usage.
"""

from collections.abc import Iterable, Mapping, Sequence

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
    sources: Mapping[dg.AssetKey, ModelSpec],
    consumers: Sequence[dg.AssetKey],
    position: ScanPosition,
) -> ScanPosition:
    """Record what consumers of models and stages wrote since the last scan.

    Args:
        context: The tick's context.
        registry: The registry.
        sources: The assets of models and stages.
        consumers: Some of the assets that depend on them.
        position: The position of the last scan.

    Returns:
        The position after this scan.
    """
    found, after = new_events(context.instance, consumers, position)
    for event in found:
        _record(context.instance, registry, sources, event)
    return after


def source_assets(model_specs: Iterable[ModelSpec]) -> dict[dg.AssetKey, ModelSpec]:
    """Return the assets of models and of their stages, each with its model."""
    return {
        key: model_spec
        for model_spec in model_specs
        for key in (model_spec.key, *map(model_spec.stage_key, model_spec.stages))
    }


def consuming_assets(
    context: dg.SensorEvaluationContext, sources: Iterable[dg.AssetKey]
) -> frozenset[dg.AssetKey]:
    """Return the assets of this repository that depend directly on others, without those."""
    repository = context.repository_def
    if repository is None:
        return frozenset()
    graph, known = repository.asset_graph, set(sources)
    children = (graph.get(key).child_keys for key in known if graph.has(key))
    return frozenset[dg.AssetKey]().union(*children) - known


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
