"""The tick of the lineage sensor: usage and staleness of versions in the asset graph."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.dagster.assets.model_spec import ModelLike
from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.downstream_assets import declared_usages
from pedigree.dagster.capture.event_archive import keep_events
from pedigree.dagster.capture.event_scan import ScanPosition
from pedigree.dagster.capture.input_history import current_inputs_of_all
from pedigree.dagster.capture.usages import settle_usages
from pedigree.dagster.sensors.targets import Target, targets_of
from pedigree.errors import NotFoundError
from pedigree.lineage.records import LineageNode
from pedigree.lineage.staleness import observed_inputs
from pedigree.registry import Registry

_AGE = timedelta(minutes=1)
_VERSIONS_A_TICK = 20


class LineageCursor(Record):
    """The positions of the scans over assets."""

    consumers: ScanPosition = Field(
        default_factory=ScanPosition, description="Assets that depend on models and stages"
    )
    upstream: ScanPosition = Field(
        default_factory=ScanPosition, description="Assets that models depend on"
    )


def follow_lineage(
    context: dg.SensorEvaluationContext, registry: Registry, models: Iterable[ModelLike]
) -> dg.SensorResult:
    """Record in the registry what runs read and wrote, and how stale its versions are.

    It copies the events of the assets upstream of the models, with the recorded reads of their
    steps, so that a later wipe or a deleted run loses nothing.

    It launches no runs and reports nothing to Dagster. Each tick checks a few of the versions in
    use (those with a stage or an alias), each at most once a minute, so that ten thousand models do
    not make a tick longer.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models.
    """
    cursor = _read_cursor(context.cursor)
    settled = settle_usages(context.instance, registry)
    targets = targets_of(context, models)
    model_specs = targets.model_specs if targets else {}
    repository = context.repository_def
    graph = LocationGraph(repository.asset_graph if repository else None, context.instance)
    upstream = keep_events(context.instance, registry, graph, model_specs.values(), cursor.upstream)
    consumers = declared_usages(context, registry, model_specs, cursor.consumers)
    checked = _check_staleness(context, registry, targets.all(context.instance) if targets else {})
    summary = f"{settled} usages were settled, {checked} versions were checked for staleness"
    return dg.SensorResult(
        skip_reason=dg.SkipReason(summary),
        cursor=LineageCursor(consumers=consumers, upstream=upstream).model_dump_json(),
    )


def _check_staleness(
    context: dg.SensorEvaluationContext, registry: Registry, targets: Mapping[str, Target]
) -> int:
    due = registry.operations.staleness.versions_to_look_at(
        targets, age=_AGE, limit=_VERSIONS_A_TICK
    )
    inputs: dict[str, Sequence[LineageNode]] = {}
    for reference in due:
        with suppress(NotFoundError):  # deleted since
            inputs[reference] = observed_inputs(registry.lineage(reference, newest=True))
    found = current_inputs_of_all(context.instance, list(inputs.values()))
    for reference, now in zip(inputs, found, strict=True):
        with suppress(NotFoundError):
            code_version = _code_version(context, targets[reference.rpartition("/")[0]])
            registry.operations.staleness.keep_staleness(reference, now, code_version=code_version)
    return len(due)


def _code_version(context: dg.SensorEvaluationContext, target: Target) -> str | None:
    """Return the current code version of the model's asset in this repository."""
    graph = context.repository_def.asset_graph if context.repository_def else None
    if graph is None or not graph.has(target.model_spec.key):
        return None
    return graph.get(target.model_spec.key).code_version


def _read_cursor(text: str | None) -> LineageCursor:
    try:
        return LineageCursor.model_validate_json(text) if text else LineageCursor()
    except ValidationError:
        return LineageCursor()  # from another version of this code; scanning twice is harmless
