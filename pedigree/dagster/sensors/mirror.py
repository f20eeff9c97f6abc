"""Show in the asset graph what was done to models outside Dagster.

A version that was registered, and a stage that was moved, by CLI, REST or another Dagster instance
becomes a materialization, without a run, of the model's or the stage's asset; an alias becomes an
observation of the model's. What is there already is told by the model's *generation*, which grows
with every move and which each materialization of a stage carries, and by the event's place in the
feed. Where the graph has lost what it showed, it is shown again:
:mod:`pedigree.dagster.sensors.mirror_repairs`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.audit.records import Event, EventType
from pedigree.catalog.materialization import ShownTraining
from pedigree.dagster.assets.model_spec import ModelLike
from pedigree.dagster.capture import materializations
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.sensors.mirror_events import (
    Shown,
    alias_event,
    registration_event,
    stage_event,
)
from pedigree.dagster.sensors.mirror_repairs import repairs
from pedigree.dagster.sensors.mirror_state import Graph
from pedigree.dagster.sensors.promotion import feed_head
from pedigree.dagster.sensors.targets import Target, Targets, targets_of
from pedigree.registry import Registry

_PAGE = 1000
# Dagster stores the events before the cursor, so a killed daemon repeats them: few at a time.
EVENTS_A_TICK = 50
# Each is some 20 ms of queries, and a tick without news should stay below a second.
MODELS_A_TICK = 10


class MirrorCursor(Record):
    """How far the feed was mirrored, and what waits."""

    seq: int = 0
    behind: dict[str, int] = Field(
        default_factory=dict,
        description="Asset and partition that wait for a run → its first event not mirrored",
    )
    compared: str = Field(default="", description="The model that was compared with the graph last")
    suspects: tuple[str, ...] = Field(
        default=(), description="Models of which the graph seemed to lack something"
    )
    reported: tuple[ShownTraining, ...] = Field(
        default=(), description="What the last tick reported, and Dagster has stored since"
    )


@dataclass
class _MirrorTick:
    """What one tick has learnt."""

    instance: dg.DagsterInstance
    targets: Mapping[str, Target]
    cursor: MirrorCursor
    graph: Graph = field(init=False)
    generations: dict[str, int] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)
    reported: list[Shown] = field(default_factory=list)
    found: list[ShownTraining] = field(default_factory=list)
    made: list[ShownTraining] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.graph = Graph(self.instance)

    def newest(self, key: dg.AssetKey, partition: str | None) -> dg.AssetMaterialization | None:
        """Return an asset's newest materialization, of this tick where it reports one."""
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

    def is_new(self, event: Event, place: str) -> bool:
        """Say whether an event was not mirrored before, and may be now."""
        known, behind = self.cursor.seq, self.cursor.behind.get(place)
        unread = event.seq > known or (behind is not None and event.seq >= behind)
        return unread and place not in self.behind


def mirror_changes(
    context: dg.SensorEvaluationContext, registry: Registry, models: Iterable[ModelLike]
) -> dg.SensorResult:
    """Report what no run of this instance has materialized, in order, once each.

    What was done by a run of this instance is that run's to materialize; its asset waits until it
    ends, and what it left out is reported then. A tick without news compares some models with what
    the graph shows of them, and reports what it lacks at two ticks in a row.
    """
    cursor = _read_cursor(context.cursor)
    head = feed_head(registry)
    unread = _unread(registry, cursor)
    targets = targets_of(context, models)
    tick = _MirrorTick(context.instance, _targets(context, targets, unread), cursor)
    tick.graph.know_runs(str(event.body.get("run_id") or "") for event in unread)
    seq = _mirror(tick, unread, head)
    after = cursor.model_copy(
        update={"seq": seq, "behind": tick.behind, "reported": tuple(tick.made)}
    )
    if targets and (instance := instance_id(context.instance)):
        registry.see_instance(instance)
        registry.end_awaiting([*cursor.reported, *tick.found])
    if targets and not tick.reported:
        after = _compare(tick, registry, targets, after)
    return dg.SensorResult(
        asset_events=tick.reported,
        skip_reason=None if tick.reported else dg.SkipReason("the graph is as the registry says"),
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
    """Report events until there are enough for a tick, and return how far the feed was read."""
    seq = tick.cursor.seq
    for event in unread:
        if len(tick.reported) >= EVENTS_A_TICK:
            # What waited before has not been gone through to its end.
            for place in tick.cursor.behind:
                tick.behind.setdefault(place, event.seq)
            return seq
        if target := tick.targets.get(event.model or ""):
            _MIRRORS[event.type](tick, event, target)
        seq = max(seq, event.seq)
    # Between the last of these and the head nothing is the mirror's.
    return max(seq, head) if len(unread) < _PAGE else seq


def _mirror_move(tick: _MirrorTick, event: Event, target: Target) -> None:
    stage = str(event.body["to"])
    if stage not in target.line.stages:
        return
    key = target.line.stage_key(stage)
    place = _place(key, target)
    if not tick.is_new(event, place):
        return
    generation = int(str(event.body["generation"]))
    if generation <= tick.generations.get(place, tick.graph.generation(key, target.partition)):
        return
    if tick.graph.in_progress(event.body.get("run_id")):
        tick.behind[place] = event.seq
        return
    tick.generations[place] = generation
    tick.reported.append(stage_event(tick.instance, target, event, stage))


def _mirror_registration(tick: _MirrorTick, event: Event, target: Target) -> None:
    key, partition, run_id = target.line.key, target.partition, str(event.body["run_id"])
    place = _place(key, target)
    if not tick.is_new(event, place):
        return
    training = ShownTraining(event.model or "", event.version or 0, run_id)
    shown = event.seq <= tick.graph.registrations(key, partition).seq
    if shown or tick.graph.made(run_id, key, partition):
        tick.found.append(training)
        return
    if tick.graph.in_progress(run_id):
        tick.behind[place] = event.seq
        return
    tick.made.append(training)
    tick.reported.append(registration_event(target, event))


def _mirror_alias(tick: _MirrorTick, event: Event, target: Target) -> None:
    key = target.line.key
    if not tick.is_new(event, f"{_place(key, target)}@"):
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


def _place(key: dg.AssetKey, target: Target) -> str:
    return f"{key.to_user_string()}|{target.partition or ''}"


def _compare(
    tick: _MirrorTick, registry: Registry, targets: Targets, cursor: MirrorCursor
) -> MirrorCursor:
    """Compare the next models with the graph, and those that seemed to lack something."""
    page = [
        each.name for each in registry.models(limit=MODELS_A_TICK, after=cursor.compared or None)
    ]
    found = targets.find(tick.instance, {*page, *cursor.suspects})
    tick.graph.know_last(
        target.line.stage_key(stage)
        for target in found.values()
        for stage in target.line.stages
        if target.partition is None
    )
    suspects = []
    for name, target in sorted(found.items()):
        if _waits(tick, target):
            continue
        lacking = repairs(tick.instance, tick.graph, registry, name, target)
        if lacking:
            suspects.append(name)
        # Something that is being done at this moment is there at the next tick.
        if name in cursor.suspects:
            tick.reported += lacking[: EVENTS_A_TICK - len(tick.reported)]
    compared = page[-1] if len(page) == MODELS_A_TICK else ""
    return cursor.model_copy(update={"compared": compared, "suspects": tuple(suspects)})


def _waits(tick: _MirrorTick, target: Target) -> bool:
    keys = [target.line.key, *(target.line.stage_key(stage) for stage in target.line.stages)]
    return any(_place(key, target) in tick.behind for key in keys)


def _read_cursor(text: str | None) -> MirrorCursor:
    try:
        return MirrorCursor.model_validate_json(text) if text else MirrorCursor()
    except ValidationError:
        return MirrorCursor()  # of another version of this code; what is there is not said again
