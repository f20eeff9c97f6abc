"""Show changes that were made to models outside Dagster in the asset graph.

A registration or a stage change by CLI, REST or another Dagster instance becomes a materialization
without a run, of the model's or the stage's asset. An alias becomes an observation of the model's
asset. Two values prevent duplicates: the model's *generation*, which grows with every move and is
in each materialization of a stage, and the event's position in the feed. If the graph has lost an
event, :mod:`pedigree.dagster.sensors.mirror_repairs` reports it again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.audit.log import feed_head
from pedigree.audit.records import Event, EventType
from pedigree.catalog.materialization import ShownTraining
from pedigree.dagster.assets.model_spec import ModelLike
from pedigree.dagster.capture import materializations
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.sensors.mirror_events import (
    MirrorEvent,
    alias_event,
    registration_event,
    stage_event,
)
from pedigree.dagster.sensors.mirror_repairs import repairs
from pedigree.dagster.sensors.mirror_state import GraphState
from pedigree.dagster.sensors.targets import Target, Targets, targets_of
from pedigree.registry import Registry

_PAGE = 1000
# Dagster stores the events before the cursor, so a killed daemon repeats them: keep ticks small.
EVENTS_A_TICK = 50
# Each model takes about 20 ms of queries, and a tick without new events should take under a second.
MODELS_A_TICK = 10


class MirrorCursor(Record):
    """The position in the event feed, and what is pending."""

    seq: int = 0
    behind: dict[str, int] = Field(
        default_factory=dict,
        description="Asset and partition that wait for a run → its first event not mirrored",
    )
    compared: str = Field(default="", description="The last model that was compared with the graph")
    suspects: tuple[str, ...] = Field(
        default=(), description="Models of which the graph seemed to lack events"
    )
    reported: tuple[ShownTraining, ...] = Field(
        default=(), description="Trainings that the last tick reported and Dagster has stored"
    )


@dataclass
class _MirrorTick:
    """The state and the outcome of one tick."""

    instance: dg.DagsterInstance
    targets: Mapping[str, Target]
    cursor: MirrorCursor
    graph: GraphState = field(init=False)
    generations: dict[str, int] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)
    reported: list[MirrorEvent] = field(default_factory=list)
    already_shown: list[ShownTraining] = field(default_factory=list)
    reported_trainings: list[ShownTraining] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.graph = GraphState(self.instance)

    def newest(self, key: dg.AssetKey, partition: str | None) -> dg.AssetMaterialization | None:
        """Return an asset's newest materialization, including those that this tick reports."""
        of_this_tick = (
            event
            for event in reversed(self.reported)
            if isinstance(event, dg.AssetMaterialization)
            and (event.asset_key, event.partition) == (key, partition)
        )
        if (event := next(of_this_tick, None)) is not None:
            return event
        found = materializations.newest(self.instance, key, partition)
        return found.event if found else None

    def is_new(self, event: Event, asset_id: str) -> bool:
        """Return whether an event has not been mirrored yet, and need not wait for a run."""
        first_pending = self.cursor.behind.get(asset_id)
        is_pending = first_pending is not None and event.seq >= first_pending
        return (event.seq > self.cursor.seq or is_pending) and asset_id not in self.behind


def mirror_changes(
    context: dg.SensorEvaluationContext, registry: Registry, models: Iterable[ModelLike]
) -> dg.SensorResult:
    """Report the changes that no run of this instance has materialized, in order, each once.

    A run of this instance materializes its own changes. So its asset waits until the run ends, and
    then the changes that it did not materialize are reported. A tick without new events compares
    some models with the graph, and reports what the graph lacks at two consecutive ticks.
    """
    cursor = _read_cursor(context.cursor)
    head = feed_head(registry.database)
    unread = _unread(registry, cursor)
    targets = targets_of(context, models)
    tick = _MirrorTick(context.instance, _targets(context, targets, unread), cursor)
    tick.graph.load_runs(str(event.body.get("run_id") or "") for event in unread)
    seq = _mirror(tick, unread, head)
    after = cursor.model_copy(
        update={"seq": seq, "behind": tick.behind, "reported": tuple(tick.reported_trainings)}
    )
    if targets and (instance := instance_id(context.instance)):
        registry.operations.asset_events.see_instance(instance)
        registry.operations.asset_events.end_awaiting([*cursor.reported, *tick.already_shown])
    if targets and not tick.reported:
        after = _compare(tick, registry, targets, after)
    return dg.SensorResult(
        asset_events=tick.reported,
        skip_reason=None if tick.reported else dg.SkipReason("the graph matches the registry"),
        cursor=after.model_dump_json(),
    )


def _unread(registry: Registry, cursor: MirrorCursor) -> tuple[Event, ...]:
    start = min([cursor.seq, *(seq - 1 for seq in cursor.behind.values())])
    return registry.events(start, _PAGE, types=list(_MIRRORS))


def _targets(
    context: dg.SensorEvaluationContext, targets: Targets | None, events: Iterable[Event]
) -> dict[str, Target]:
    names = {event.model for event in events if event.model}
    return targets.find(context.instance, names) if targets and names else {}


def _mirror(tick: _MirrorTick, unread: tuple[Event, ...], head: int) -> int:
    """Report events up to the limit of a tick, and return the new position in the feed."""
    seq = tick.cursor.seq
    for event in unread:
        if len(tick.reported) >= EVENTS_A_TICK:
            # Assets that were pending before have more events to go through.
            for asset_id in tick.cursor.behind:
                tick.behind.setdefault(asset_id, event.seq)
            return seq
        if target := tick.targets.get(event.model or ""):
            _MIRRORS[event.type](tick, event, target)
        seq = max(seq, event.seq)
    # There are no events for the mirror between the last one and the head.
    return max(seq, head) if len(unread) < _PAGE else seq


def _mirror_move(tick: _MirrorTick, event: Event, target: Target) -> None:
    stage = str(event.body["to"])
    if stage not in target.model_spec.stages:
        return
    key = target.model_spec.stage_key(stage)
    asset_id = _asset_id(key, target)
    if not tick.is_new(event, asset_id):
        return
    generation = int(str(event.body["generation"]))
    if generation <= tick.generations.get(asset_id, tick.graph.generation(key, target.partition)):
        return
    if tick.graph.in_progress(event.body.get("run_id")):
        tick.behind[asset_id] = event.seq
        return
    tick.generations[asset_id] = generation
    tick.reported.append(stage_event(tick.instance, target, event, stage))


def _mirror_registration(tick: _MirrorTick, event: Event, target: Target) -> None:
    key, partition, run_id = target.model_spec.key, target.partition, str(event.body["run_id"])
    asset_id = _asset_id(key, target)
    if not tick.is_new(event, asset_id):
        return
    training = ShownTraining(event.model or "", event.version or 0, run_id)
    shown = event.seq <= tick.graph.registrations(key, partition).seq
    if shown or tick.graph.has_materialized(run_id, key, partition):
        tick.already_shown.append(training)
        return
    if tick.graph.in_progress(run_id):
        tick.behind[asset_id] = event.seq
        return
    tick.reported_trainings.append(training)
    tick.reported.append(registration_event(target, event))


def _mirror_alias(tick: _MirrorTick, event: Event, target: Target) -> None:
    key = target.model_spec.key
    if not tick.is_new(event, f"{_asset_id(key, target)}@"):
        return
    if event.seq > tick.graph.alias_seq(key, target.partition):
        tick.reported.append(alias_event(target, event, tick.newest(key, target.partition)))


_MIRRORS: Mapping[EventType, Callable[[_MirrorTick, Event, Target], None]] = MappingProxyType(
    {
        EventType.VERSION_STAGE_CHANGED: _mirror_move,
        EventType.VERSION_CREATED: _mirror_registration,
        EventType.VERSION_TRAINED: _mirror_registration,
        EventType.ALIAS_SET: _mirror_alias,
        EventType.ALIAS_DELETED: _mirror_alias,
    }
)


def _asset_id(key: dg.AssetKey, target: Target) -> str:
    return f"{key.to_user_string()}|{target.partition or ''}"


def _compare(
    tick: _MirrorTick, registry: Registry, targets: Targets, cursor: MirrorCursor
) -> MirrorCursor:
    """Compare the next models with the graph, and those that lacked events at the last tick."""
    page = [
        model.name for model in registry.models(limit=MODELS_A_TICK, after=cursor.compared or None)
    ]
    found = targets.find(tick.instance, {*page, *cursor.suspects})
    tick.graph.load_last_versions(
        target.model_spec.stage_key(stage)
        for target in found.values()
        for stage in target.model_spec.stages
        if target.partition is None
    )
    suspects = []
    for name, target in sorted(found.items()):
        if _is_pending(tick, target):
            continue
        missing = repairs(tick.instance, tick.graph, registry, name, target)
        if missing:
            suspects.append(name)
        # A change that is in progress now is complete at the next tick.
        if name in cursor.suspects:
            tick.reported += missing[: EVENTS_A_TICK - len(tick.reported)]
    compared = page[-1] if len(page) == MODELS_A_TICK else ""
    return cursor.model_copy(update={"compared": compared, "suspects": tuple(suspects)})


def _is_pending(tick: _MirrorTick, target: Target) -> bool:
    spec = target.model_spec
    keys = [spec.key, *(spec.stage_key(stage) for stage in spec.stages)]
    return any(_asset_id(key, target) in tick.behind for key in keys)


def _read_cursor(text: str | None) -> MirrorCursor:
    try:
        return MirrorCursor.model_validate_json(text) if text else MirrorCursor()
    except ValidationError:
        return MirrorCursor()  # from another version of this code; nothing is reported twice
