"""Follow, tick by tick, what became of versions in the asset graph."""

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
from pedigree.dagster.capture.input_history import inputs_of_each
from pedigree.dagster.capture.usages import settle_usages
from pedigree.dagster.sensors.targets import Target, targets_of
from pedigree.errors import NotFoundError
from pedigree.lineage.records import LineageNode
from pedigree.lineage.staleness import observed_inputs
from pedigree.registry import Registry

_AGE = timedelta(minutes=1)
_AT_ONCE = 20


class FollowingCursor(Record):
    """How far assets were looked at."""

    consumers: ScanPosition = Field(
        default_factory=ScanPosition, description="Those of models and stages"
    )
    upstream: ScanPosition = Field(
        default_factory=ScanPosition, description="Those that models depend on"
    )


def follow_lineage(
    context: dg.SensorEvaluationContext, registry: Registry, models: Iterable[ModelLike]
) -> dg.SensorResult:
    """Keep in the registry what runs read and wrote, and how far its versions are behind.

    Events of the assets upstream of the models are copied, with what their steps recorded of their
    reads, so that a later wipe or a deleted run loses nothing.

    It launches nothing and reports nothing to Dagster. Of the versions in use (those that hold a
    stage or an alias) a few are looked at in each tick, each one at most once a minute, so that a
    tick takes no longer with ten thousand models.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models whose consumers in this repository are looked at.
    """
    cursor = _read_cursor(context.cursor)
    settled = settle_usages(context.instance, registry)
    targets = targets_of(context, models)
    lines = targets.lines if targets else {}
    repository = context.repository_def
    graph = LocationGraph(repository.asset_graph if repository else None, context.instance)
    upstream = keep_events(context.instance, registry, graph, lines.values(), cursor.upstream)
    consumers = declared_usages(context, registry, lines, cursor.consumers)
    looked_at = _look_at(context, registry, targets.all(context.instance) if targets else {})
    done = f"{settled} usages were settled, {looked_at} versions looked at"
    return dg.SensorResult(
        skip_reason=dg.SkipReason(done),
        cursor=FollowingCursor(consumers=consumers, upstream=upstream).model_dump_json(),
    )


def _look_at(
    context: dg.SensorEvaluationContext, registry: Registry, targets: Mapping[str, Target]
) -> int:
    due = registry.versions_to_look_at(targets, age=_AGE, limit=_AT_ONCE)
    inputs: dict[str, Sequence[LineageNode]] = {}
    for reference in due:
        with suppress(NotFoundError):  # it was deleted meanwhile
            inputs[reference] = observed_inputs(registry.lineage(reference, newest=True))
    found = inputs_of_each(context.instance, list(inputs.values()))
    for reference, now in zip(inputs, found, strict=True):
        with suppress(NotFoundError):
            code_version = _code_version(context, targets[reference.rpartition("/")[0]])
            registry.keep_staleness(reference, now, code_version=code_version)
    return len(due)


def _code_version(context: dg.SensorEvaluationContext, target: Target) -> str | None:
    """Return the code version that the model's asset has in this repository now."""
    graph = context.repository_def.asset_graph if context.repository_def else None
    if graph is None or not graph.has(target.line.key):
        return None
    return graph.get(target.line.key).code_version


def _read_cursor(text: str | None) -> FollowingCursor:
    try:
        return FollowingCursor.model_validate_json(text) if text else FollowingCursor()
    except ValidationError:
        return FollowingCursor()  # of another version of this code; to look again changes nothing
