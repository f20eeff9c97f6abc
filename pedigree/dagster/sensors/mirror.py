"""Show changes that were made to models outside Dagster in the asset graph.

A registration or a stage change by CLI, REST or another Dagster instance becomes a materialization
without a run, of the model's or the stage's asset. An alias becomes an observation of the model's
asset. Two values prevent duplicates: the model's *generation*, which grows with every move and is
in each materialization of a stage, and the event's position in the feed. If the graph has lost an
event, :mod:`pedigree.dagster.sensors.mirror_repairs` reports it again.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

import dagster as dg
from pydantic import ValidationError

from pedigree.audit.event_types import EventType
from pedigree.audit.log import feed_head
from pedigree.audit.records import Event
from pedigree.catalog.materialization import ShownTraining
from pedigree.catalog.seal_states import WITHOUT_BYTES
from pedigree.dagster.assets.model_spec import ModelLike
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.sensors.mirror_events import (
    alias_event,
    registration_event,
    stage_event,
)
from pedigree.dagster.sensors.mirror_repairs import repairs
from pedigree.dagster.sensors.mirror_tick import MirrorCursor, MirrorTick
from pedigree.dagster.sensors.registration_runs import (
    RegistrationRequests,
    registration_requests,
)
from pedigree.dagster.sensors.targets import Target, Targets, targets_of
from pedigree.dagster.sensors.tick_loops import report_partitions, skip_reason, tick_loop
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry, registry_in

_PAGE = 1000
# Dagster stores the events before the cursor, so a killed daemon repeats them: keep ticks small.
EVENTS_A_TICK = 50
# Each model takes about 20 ms of queries, and a tick without new events should take under a second.
MODELS_A_TICK = 10


def mirror_changes(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[ModelLike] | None = None,
) -> dg.SensorResult:
    """Report the changes that no run of this instance has materialized, in order, each once.

    A run of this instance materializes its own changes. So its asset waits until the run ends, and
    then the changes that it did not materialize are reported. A tick without new events compares
    some models with the graph, and reports what the graph lacks at two consecutive ticks. A model
    whose events cannot be reported waits alone. For versions that wait for asset checks of users
    before they are registered, it requests the runs, so its sensor selects assets.
    """
    registry = registry_in(registry.context.in_role(DatabaseRole.SENSOR))
    cursor = _read_cursor(context.cursor)
    head = feed_head(registry.database)
    targets = targets_of(context, models)
    loop = tick_loop(context.instance, registry, BackgroundWork.MIRROR)
    tick = MirrorTick(context.instance, {}, cursor, loop, registry.settings)
    unread = registry.events(cursor.seq, _PAGE, types=list(_MIRRORS))
    late = _late_events(tick, registry)
    tick.targets = _targets(context, targets, [*late, *unread])
    tick.graph.load_runs(str(event.body.get("run_id") or "") for event in (*late, *unread))
    seq = _mirror(tick, late, unread, head)
    after = cursor.model_copy(
        update={
            "seq": seq,
            "behind": tick.behind,
            "late": tick.late,
            "failed": tuple(sorted(tick.failed)),
            "reported": tuple(tick.reported_trainings),
        }
    )
    if targets and (instance := instance_id(context.instance)):
        registry.operations.asset_events.see_instance(instance)
        registry.operations.asset_events.end_awaiting([*cursor.reported, *tick.already_shown])
    if targets and not tick.reported:
        after = _compare(tick, registry, targets, after)
    requested = (
        registration_requests(context, registry, targets, tick.loop)
        if targets
        else RegistrationRequests((), ())
    )
    notes = [*tick.loop.notes, *requested.notes, *report_partitions(registry, targets)]
    nothing = "nothing else to show" if notes else "the graph matches the registry"
    return dg.SensorResult(
        run_requests=list(requested.runs),
        asset_events=tick.reported,
        skip_reason=None if tick.reported or requested.runs else skip_reason(notes, nothing),
        cursor=after.model_dump_json(),
    )


def _late_events(tick: MirrorTick, registry: Registry) -> list[Event]:
    """Return the late events of models that wait for a run, or whose next attempt is due.

    Each model is read on its own, so that one that waits for long does not hold up the feed.
    """
    found: list[Event] = []
    for name, seq in tick.cursor.late.items():
        if tick.loop.waits(name):
            tick.postpone(name, seq)
        else:
            page = registry.events(seq - 1, _PAGE, types=list(_MIRRORS), model=name)
            found += page
            if len(page) == _PAGE:
                tick.rest[name] = page[-1].seq + 1
    return [event for event in found if event.seq <= tick.cursor.seq]


def _targets(
    context: dg.SensorEvaluationContext, targets: Targets | None, events: Iterable[Event]
) -> dict[str, Target]:
    names = {event.model for event in events if event.model}
    return targets.find(context.instance, names) if targets and names else {}


def _mirror(tick: MirrorTick, late: Iterable[Event], unread: tuple[Event, ...], head: int) -> int:
    """Report events up to the limit of a tick, and return the new position in the feed."""
    for event in late:
        if len(tick.reported) >= EVENTS_A_TICK:
            tick.postpone(event.model or "", event.seq)
        else:
            _mirror_event(tick, event)
    for name, rest in tick.rest.items():
        tick.postpone(name, rest)
    seq = tick.cursor.seq
    for event in unread:
        if len(tick.reported) >= EVENTS_A_TICK:
            return seq
        _mirror_event(tick, event)
        seq = event.seq
    # There are no events for the mirror between the last one and the head.
    return max(seq, head) if len(unread) < _PAGE else seq


def _mirror_event(tick: MirrorTick, event: Event) -> None:
    """Report an event, unless its model failed; a failure postpones this model only."""
    name = event.model or ""
    target = tick.targets.get(name)
    if target is None or name in tick.failed:
        return
    work = partial(_MIRRORS[event.type], tick, event, target)
    if not tick.loop.attempt(name, work, model=name).is_done:
        tick.postpone(name, event.seq)


def _mirror_move(tick: MirrorTick, event: Event, target: Target) -> None:
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
        tick.wait_for_run(event, asset_id)
        return
    tick.reported.append(stage_event(tick.instance, target, event, stage, tick.settings))
    tick.generations[asset_id] = generation


def _mirror_registration(tick: MirrorTick, event: Event, target: Target) -> None:
    if event.body.get("state") in WITHOUT_BYTES and event.type is EventType.VERSION_CREATED:
        return  # there is nothing to show before it is sealed
    key, partition = target.model_spec.key, target.partition
    run_id = str(event.body["run_id"] or "")
    asset_id = _asset_id(key, target)
    if not tick.is_new(event, asset_id):
        return
    training = ShownTraining(event.model or "", event.version or 0, run_id)
    shown = event.seq <= tick.graph.registrations(key, partition).seq
    if shown or (run_id and tick.graph.has_materialized(run_id, key, partition)):
        tick.already_shown.append(training)
        return
    if run_id and tick.graph.in_progress(run_id):
        tick.wait_for_run(event, asset_id)
        return
    tick.reported.append(registration_event(target, event, tick.settings))
    tick.reported_trainings.append(training)


def _mirror_alias(tick: MirrorTick, event: Event, target: Target) -> None:
    key = target.model_spec.key
    if not tick.is_new(event, f"{_asset_id(key, target)}@"):
        return
    if event.seq > tick.graph.alias_seq(key, target.partition):
        tick.reported.append(alias_event(target, event, tick.newest(key, target.partition)))


_MIRRORS: Mapping[EventType, Callable[[MirrorTick, Event, Target], None]] = MappingProxyType(
    {
        EventType.VERSION_STAGE_CHANGED: _mirror_move,
        EventType.VERSION_CREATED: _mirror_registration,
        EventType.VERSION_SEALED: _mirror_registration,
        EventType.VERSION_TRAINED: _mirror_registration,
        EventType.ALIAS_SET: _mirror_alias,
        EventType.ALIAS_DELETED: _mirror_alias,
    }
)


def _asset_id(key: dg.AssetKey, target: Target) -> str:
    return f"{key.to_user_string()}|{target.partition or ''}"


def _compare(
    tick: MirrorTick, registry: Registry, targets: Targets, cursor: MirrorCursor
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
        if _is_pending(tick, name, target):
            continue
        work = partial(repairs, tick.instance, tick.graph, registry, name, target)
        missing = tick.loop.attempt(name, work, model=name).value
        if missing:
            suspects.append(name)
        # A change that is in progress now is complete at the next tick.
        if missing and name in cursor.suspects:
            tick.reported += missing[: EVENTS_A_TICK - len(tick.reported)]
    compared = page[-1] if len(page) == MODELS_A_TICK else ""
    return cursor.model_copy(update={"compared": compared, "suspects": tuple(suspects)})


def _is_pending(tick: MirrorTick, name: str, target: Target) -> bool:
    if name in tick.failed:
        return True
    spec = target.model_spec
    keys = [spec.key, *(spec.stage_key(stage) for stage in spec.stages)]
    return any(_asset_id(key, target) in tick.behind for key in keys)


def _read_cursor(text: str | None) -> MirrorCursor:
    try:
        return MirrorCursor.model_validate_json(text) if text else MirrorCursor()
    except ValidationError:
        return MirrorCursor()  # from another version of this code; nothing is reported twice
