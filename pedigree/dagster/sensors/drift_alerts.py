"""What follows from drift: a check of the stage, an event, and what the policy asks for.

The sensor reads the registry's feed, so a result is answered also where it was measured elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from pydantic import ValidationError

from pedigree._record import Record
from pedigree.access.reserved import DRIFT_SENSOR
from pedigree.audit.records import EventType
from pedigree.dagster.assets.drift import describe_drift, watched_version
from pedigree.dagster.assets.model_spec import ModelLike, ModelLine, line_of
from pedigree.dagster.assets.names import slug
from pedigree.dagster.assets.stages import StageConfig, stage_op
from pedigree.dagster.capture.run_provenance import instance_id, partition_of
from pedigree.dagster.checks.check_op import check_op
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.sensors.targets import Target, targets_of
from pedigree.errors import NotFoundError
from pedigree.monitoring.describe import describe
from pedigree.monitoring.records import DriftAction, DriftRule, RecordedDrift
from pedigree.registry import Registry

CHECK = "drift"
# Dagster stores the events before the cursor, so a killed daemon repeats them: few at a time.
_EVENTS_A_TICK = 50

Retraining = Callable[[RecordedDrift], Mapping[str, Any] | None]
"""Gives the run config of the retraining that a drift asks for."""


class DriftCursor(Record):
    """How far the feed was answered."""

    seq: int = 0


@dataclass
class _DriftTick:
    """What one tick says and asks for."""

    context: dg.SensorEvaluationContext
    registry: Registry
    retraining: Retraining | None
    said: list[dg.AssetCheckEvaluation] = field(default_factory=list)
    drifted: dict[str, RecordedDrift] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def alert_drift(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[ModelLike],
    retraining: Retraining | None = None,
) -> dg.SensorResult:
    """Turn new results into evaluations of the stage's check ``drift``, events, and run requests.

    An alarm is told by the event ``version.drift_detected``, once. By its policy the model's stage
    is then asked to return to the holder before, or the model to be trained again: once for a
    model in a tick, however many partitions drifted. What is about a version that has left the
    stage is passed by.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models to look after; those without stage assets in this repository are left.
        retraining: Gives the run config of a retraining; its asset's defaults when None.
    """
    cursor = _read_cursor(context.cursor)
    registry = registry.acting_as(DRIFT_SENSOR)
    tick = _DriftTick(context, registry, retraining)
    events = registry.events(cursor.seq, _EVENTS_A_TICK, types=[EventType.VERSION_DRIFT_MEASURED])
    repository = targets_of(context, models) if events else None
    names = {event.model for event in events if event.model}
    targets = repository.find(context.instance, names) if repository else {}
    for event in events:
        if event.model in targets:
            _answer(tick, event.model, targets[event.model], int(str(event.body["drift_id"])))
    seq = events[-1].seq if events else cursor.seq
    requests = [
        request
        for name, found in tick.drifted.items()
        if (request := _request(tick, name, targets[name], found)) is not None
    ]
    return dg.SensorResult(
        asset_events=tick.said,
        run_requests=requests,
        skip_reason=None if tick.said or requests else dg.SkipReason(_reason(tick)),
        cursor=DriftCursor(seq=seq).model_dump_json(),
    )


def drift_check(model: ModelLike) -> dg.AssetChecksDefinition:
    """Return the check of a stage that says whether what its holder is given has drifted.

    The drift sensor evaluates it with every result; run by hand it says the newest one again.
    """
    line = line_of(model)
    rule = line.policy.drift or DriftRule()
    key = line.stage_key(rule.stage)

    def judge(
        context: dg.AssetCheckExecutionContext, registry: RegistryResource
    ) -> dg.AssetCheckResult:
        client = registry.connect()
        partition = partition_of(context, key)
        holder = watched_version(client, line.registered_name(partition))
        results = client.drift(holder.reference) if holder else ()
        if not results:
            return dg.AssetCheckResult(
                passed=True,
                severity=dg.AssetCheckSeverity.WARN,
                description="nothing was compared with what it learnt from yet",
            )
        newest = max(results, key=lambda result: result.drift_id)
        return dg.AssetCheckResult(
            passed=not newest.drifted,
            severity=dg.AssetCheckSeverity.WARN,
            description=newest.verdict,
            metadata=describe_drift(client, newest),
        )

    spec = dg.AssetCheckSpec(CHECK, asset=key, description=describe(rule))
    return check_op(slug(line.name, CHECK), key, [spec], judge)


def retraining_job(line: ModelLine) -> str:
    """Return the name of the job that trains a model again."""
    return f"retrain_{slug(line.name)}"


def _answer(tick: _DriftTick, name: str, target: Target, drift_id: int) -> None:
    try:
        found = tick.registry.drift_result(drift_id)
    except NotFoundError:
        return  # collected since
    holder = watched_version(tick.registry, name)
    if holder is None or holder.reference != found.reference:
        tick.notes.append(f"{found.reference} has left the stage that is watched")
        return
    tick.said.append(_evaluation(tick.registry, target, found))
    if found.drifted:
        tick.registry.alert_drift(drift_id)
        tick.drifted[name] = found


def _evaluation(
    registry: Registry, target: Target, found: RecordedDrift
) -> dg.AssetCheckEvaluation:
    stage = _policy_rule(registry, _name(found)).stage
    return dg.AssetCheckEvaluation(
        asset_key=target.line.stage_key(stage),
        check_name=CHECK,
        passed=not found.drifted,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.verdict,
        metadata=describe_drift(registry, found),
    )


def _request(
    tick: _DriftTick, name: str, target: Target, found: RecordedDrift
) -> dg.RunRequest | None:
    rule = _policy_rule(tick.registry, name)
    if rule.action is DriftAction.ALERT:
        return None
    newest = tick.registry.drift(found.reference, found.asset)[-rule.windows :]
    if len(newest) < rule.windows or not all(result.drifted for result in newest):
        tick.notes.append(f"{name}: not yet {rule.windows} partitions in a row")
        return None
    key = f"{instance_id(tick.context.instance) or ''}:drift:{rule.action}:{newest[-1].drift_id}"
    if rule.action is DriftAction.RETRAIN:
        return _retrain(tick, target, newest[-1], key)
    return _demote(tick, target, newest[-1], key)


def _retrain(tick: _DriftTick, target: Target, found: RecordedDrift, key: str) -> dg.RunRequest:
    config = tick.retraining(found) if tick.retraining else None
    return dg.RunRequest(
        run_key=key,
        job_name=retraining_job(target.line),
        partition_key=target.partition,
        run_config=dict(config or {}),
        tags={"pedigree/drift": str(found.drift_id)},
    )


def _demote(
    tick: _DriftTick, target: Target, found: RecordedDrift, key: str
) -> dg.RunRequest | None:
    name = _name(found)
    stage = _policy_rule(tick.registry, name).stage
    held = tick.registry.timeline(name, f"stage:{stage}")
    if len({tenure.version_id for tenure in held}) < 2:
        tick.notes.append(f"{name}: no version held {stage} before, so there is none to return to")
        return None
    config = StageConfig(
        rollback=True,
        automatic=True,
        expected_generation=tick.registry.get(found.reference).generation,
        reason=found.verdict,
    )
    return dg.RunRequest(
        run_key=key,
        job_name=target.job_name,
        asset_selection=[target.line.stage_key(stage)],
        partition_key=target.partition,
        run_config=dg.RunConfig(ops={stage_op(target.line, stage): config}),
        tags={"pedigree/drift": str(found.drift_id)},
    )


def _name(found: RecordedDrift) -> str:
    return found.reference.rpartition("/")[0]


def _policy_rule(registry: Registry, name: str) -> DriftRule:
    return registry.policy(name).drift or DriftRule()


def _read_cursor(text: str | None) -> DriftCursor:
    try:
        return DriftCursor.model_validate_json(text) if text else DriftCursor()
    except ValidationError:
        return DriftCursor()  # of another version of this code; answering again says the same


def _reason(tick: _DriftTick) -> str:
    return "; ".join(tick.notes) or "nothing was compared"
