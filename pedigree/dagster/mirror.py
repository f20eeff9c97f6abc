"""Show in the asset graph what was done to stages outside Dagster.

A promotion by REST, CLI or another Dagster instance becomes a materialization, without a run, of
the stage's asset. The model's *generation* says what is there already: it grows with every move,
the event carries it, and so does each materialization of a stage, whoever made it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.audit.records import Event, EventType
from pedigree.dagster import metadata
from pedigree.dagster.line import ModelLine
from pedigree.dagster.stages import model_tags
from pedigree.dagster.targets import Target, targets_of
from pedigree.registry import Registry

_PAGE = 1000
# Dagster stores the events before the cursor, so a killed daemon repeats them: few at a time.
_EVENTS_A_TICK = 50
# Two writers may overtake each other, so more than the newest materialization is looked at.
_SEARCHED = 10


class MirrorCursor(Record):
    """How far the feed was mirrored, and which stages wait for a run that moves them itself."""

    seq: int = 0
    behind: dict[str, int] = Field(
        default_factory=dict, description="Stage and partition → its first event not mirrored"
    )


@dataclass
class _Tick:
    """What one tick has learnt."""

    instance: dg.DagsterInstance
    targets: dict[str, Target]
    generations: dict[str, int] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)
    reported: list[dg.AssetMaterialization] = field(default_factory=list)


def mirror_changes(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[dg.AssetsDefinition | ModelLine | str],
) -> dg.SensorResult:
    """Report stage changes that no run of this instance has materialized, in order, once each.

    A change made by a run of this instance is that run's to materialize; the stage waits until it
    ends, and what it left out is reported then.
    """
    cursor = _read_cursor(context.cursor)
    unread = tuple(_unread(registry, cursor))
    targets = targets_of(context, models) if unread else None
    names = {event.model for event in unread if event.model}
    found = targets.find(context.instance, names) if targets else {}
    tick = _Tick(context.instance, found)
    seq = cursor.seq
    for event in unread:
        if len(tick.reported) >= _EVENTS_A_TICK:
            break
        _mirror(tick, cursor, event)
        seq = max(seq, event.seq)
    after = MirrorCursor(seq=seq, behind=tick.behind)
    return dg.SensorResult(
        asset_events=tick.reported,
        skip_reason=None if tick.reported else dg.SkipReason("every stage is as the registry says"),
        cursor=after.model_dump_json(),
    )


def _unread(registry: Registry, cursor: MirrorCursor) -> Iterator[Event]:
    start = min([cursor.seq, *(seq - 1 for seq in cursor.behind.values())])
    return iter(registry.events(start, _PAGE, types=[EventType.VERSION_STAGE_CHANGED]))


def _mirror(tick: _Tick, cursor: MirrorCursor, event: Event) -> None:
    target = tick.targets.get(event.model or "")
    stage = str(event.body["to"])
    if target is None or stage not in target.line.stages or event.version is None:
        return
    key = target.line.stage_key(stage)
    place = f"{key.to_user_string()}|{target.partition or ''}"
    if event.seq <= cursor.seq and event.seq < cursor.behind.get(place, cursor.seq + 1):
        return
    if place in tick.behind:
        return
    if place not in tick.generations:
        tick.generations[place] = _generation(tick.instance, key, target.partition)
    generation = int(str(event.body["generation"]))
    if generation <= tick.generations[place]:
        return
    if _in_progress(tick.instance, event.body.get("run_id")):
        tick.behind[place] = event.seq
        return
    tick.generations[place] = generation
    tick.reported.append(_materialization(tick.instance, target, stage, event, event.version))


def _generation(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> int:
    """Return the newest generation that the stage's asset shows."""
    records_filter = dg.AssetRecordsFilter(
        key, asset_partitions=[partition] if partition is not None else None
    )
    shown = [-1]
    for record in instance.fetch_materializations(records_filter, limit=_SEARCHED).records:
        said = record.asset_materialization
        if said is not None and metadata.GENERATION in said.metadata:
            shown.append(int(str(said.metadata[metadata.GENERATION].value)))
    return max(shown)


def _in_progress(instance: dg.DagsterInstance, run_id: object) -> bool:
    run = instance.get_run_by_id(run_id) if isinstance(run_id, str) and run_id else None
    return run is not None and not run.is_finished


def _materialization(
    instance: dg.DagsterInstance, target: Target, stage: str, event: Event, version: int
) -> dg.AssetMaterialization:
    digest = str(event.body["digest"])
    found: dict[str, Any] = {
        metadata.MODEL: event.model,
        metadata.VERSION: version,
        metadata.REFERENCE: f"{event.model}/{version}",
        metadata.DIGEST: digest,
        metadata.STAGE: stage,
        metadata.GENERATION: int(str(event.body["generation"])),
        metadata.MOVED: True,
        metadata.REGISTRY_SEQ: event.seq,
        "pedigree/moved_by": event.actor.name,
    }
    if reason := event.body.get("reason"):
        found[metadata.REASON] = str(reason)
    return dg.AssetMaterialization(
        asset_key=target.line.stage_key(stage),
        partition=target.partition,
        description=f"{event.actor.name} moved {event.model}/{version} to {stage}",
        metadata=found,
        tags={
            metadata.DATA_VERSION: digest,
            metadata.DATA_VERSION_GIVEN: "true",
            metadata.VERSION: str(version),
            **model_tags(instance, target.line, version, digest, target.partition),
        },
    )


def _read_cursor(text: str | None) -> MirrorCursor:
    try:
        return MirrorCursor.model_validate_json(text) if text else MirrorCursor()
    except ValidationError:
        return MirrorCursor()  # of another version of this code; what is there is not said again
