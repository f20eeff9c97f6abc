"""Reactions to drift: a check evaluation on the stage, an event, and the policy's actions.

The sensor reads the registry's event feed, so it also handles results from other processes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.access.reserved import DRIFT_SENSOR
from pedigree.audit.event_types import EventType
from pedigree.dagster.assets.drift import describe_drift, monitored_version
from pedigree.dagster.assets.model_spec import ModelLike, model_spec_of
from pedigree.dagster.assets.names import slug
from pedigree.dagster.assets.stages import StageConfig, stage_op
from pedigree.dagster.capture.run_provenance import instance_id, partition_of
from pedigree.dagster.checks.check_op import check_op
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.sensors.targets import Target, targets_of
from pedigree.dagster.sensors.tick_loops import (
    require_runnable,
    skip_reason,
    stage_run_config,
    step_assets,
    tick_loop,
)
from pedigree.errors import NotFoundError, NotRetrainableError
from pedigree.failures.records import BackgroundWork
from pedigree.monitoring.describe import describe
from pedigree.monitoring.records import DriftAction, DriftRule, RecordedDrift
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry, registry_in

CHECK = "drift"
# Dagster stores the events before the cursor, so a killed daemon repeats them: keep ticks small.
_EVENTS_A_TICK = 50

Retraining = Callable[[RecordedDrift], Mapping[str, Any] | None]
"""Returns the run config of the retraining for a drift result."""


class DriftCursor(Record):
    """The position in the event feed."""

    seq: int = 0
    failed: dict[int, str] = Field(
        default_factory=dict, description="Drift result whose alert failed → its model"
    )


@dataclass
class _DriftTick:
    """The outcome of one tick."""

    context: dg.SensorEvaluationContext
    registry: Registry
    retraining: Retraining | None
    evaluations: list[dg.AssetCheckEvaluation] = field(default_factory=list)
    requests: list[dg.RunRequest] = field(default_factory=list)
    drifted: RecordedDrift | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, part: "_DriftTick") -> None:
        """Add the outcome of one model."""
        self.evaluations += part.evaluations
        self.requests += part.requests
        self.notes += part.notes


def alert_drift(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[ModelLike] | None = None,
    retraining: Retraining | None = None,
) -> dg.SensorResult:
    """Turn new results into evaluations of the stage's check ``drift``, events, and run requests.

    An alarm is recorded once, by the event ``version.drift_detected``. If the policy says so, the
    tick then requests a rollback of the stage or a retraining: one request per model and tick,
    however many partitions drifted. Results for a version that has left the stage are ignored.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models; those without stage assets in this repository are ignored. All of this
            repository when None.
        retraining: Returns the run config of a retraining; the asset's defaults when None.
    """
    registry = registry_in(registry.context.in_role(DatabaseRole.SENSOR))
    cursor = _read_cursor(context.cursor)
    registry = registry.acting_as(DRIFT_SENSOR)
    tick = _DriftTick(context, registry, retraining)
    events = registry.events(cursor.seq, _EVENTS_A_TICK, types=[EventType.VERSION_DRIFT_MEASURED])
    results = dict(cursor.failed)
    results |= {int(str(event.body["drift_id"])): event.model for event in events if event.model}
    by_model: defaultdict[str, list[int]] = defaultdict(list)
    for drift_id, name in sorted(results.items()):
        by_model[name].append(drift_id)
    repository = targets_of(context, models) if results else None
    targets = repository.find(context.instance, by_model) if repository else {}
    loop = tick_loop(context.instance, registry, BackgroundWork.DRIFT)
    failed: dict[int, str] = {}
    for name, target in sorted(targets.items()):
        part = _DriftTick(context, registry, retraining)
        work = partial(_alert_model, part, name, target, by_model[name])
        if loop.attempt(name, work, model=name).is_done:
            tick.add(part)
        else:
            failed |= dict.fromkeys(by_model[name], name)
    nothing = "; ".join(tick.notes) or "nothing was compared"
    return dg.SensorResult(
        asset_events=tick.evaluations,
        run_requests=tick.requests,
        skip_reason=None if tick.evaluations or tick.requests else skip_reason(loop.notes, nothing),
        cursor=DriftCursor(
            seq=events[-1].seq if events else cursor.seq, failed=failed
        ).model_dump_json(),
    )


def drift_check(model: ModelLike) -> dg.AssetChecksDefinition:
    """Return the check of a stage for drift of its version's serving data.

    The drift sensor reports an evaluation for every result; a manual run repeats the newest one.
    """
    model_spec = model_spec_of(model)
    rule = model_spec.policy.drift or DriftRule()
    key = model_spec.stage_key(rule.stage)

    def evaluate(
        context: dg.AssetCheckExecutionContext, registry: RegistryResource
    ) -> dg.AssetCheckResult:
        client = registry.connect()
        partition = partition_of(context, key)
        holder = monitored_version(client, model_spec.registered_name(partition))
        newest = client.operations.monitoring.last_drift(holder.reference) if holder else None
        if newest is None:
            return dg.AssetCheckResult(
                passed=True,
                severity=dg.AssetCheckSeverity.WARN,
                description="no serving data has been compared with the training data yet",
            )
        return dg.AssetCheckResult(
            passed=not newest.drifted,
            severity=dg.AssetCheckSeverity.WARN,
            description=newest.verdict,
            metadata=describe_drift(client, newest),
        )

    spec = dg.AssetCheckSpec(CHECK, asset=key, description=describe(rule))
    return check_op(slug(model_spec.name, CHECK), key, [spec], evaluate)


def _alert_model(tick: _DriftTick, name: str, target: Target, drift_ids: Iterable[int]) -> None:
    """Report the results of one model, and request what its policy says."""
    for drift_id in drift_ids:
        _handle_result(tick, name, target, drift_id)
    request = _request(tick, name, target, tick.drifted) if tick.drifted else None
    tick.requests += [request] if request else []


def _handle_result(tick: _DriftTick, name: str, target: Target, drift_id: int) -> None:
    try:
        found = tick.registry.drift_result(drift_id)
    except NotFoundError:
        return  # garbage-collected since
    holder = monitored_version(tick.registry, name)
    if holder is None or holder.reference != found.reference:
        tick.notes.append(f"{found.reference} has left the monitored stage")
        return
    tick.evaluations.append(_evaluation(tick.registry, target, found))
    if found.drifted:
        tick.registry.alert_drift(drift_id)
        tick.drifted = found


def _evaluation(
    registry: Registry, target: Target, found: RecordedDrift
) -> dg.AssetCheckEvaluation:
    stage = _policy_rule(registry, _name(found)).stage
    return dg.AssetCheckEvaluation(
        asset_key=target.model_spec.stage_key(stage),
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
    newest = tick.registry.drift(found.reference, found.asset, limit=rule.windows)
    if len(newest) < rule.windows or not all(result.drifted for result in newest):
        tick.notes.append(f"{name}: fewer than {rule.windows} drifted partitions in a row")
        return None
    key = f"{instance_id(tick.context.instance) or ''}:drift:{rule.action}:{newest[-1].drift_id}"
    if rule.action is DriftAction.RETRAIN:
        return _retrain(tick, target, newest[-1], key)
    return _demote(tick, target, newest[-1], key)


def _retrain(
    tick: _DriftTick, target: Target, found: RecordedDrift, key: str
) -> dg.RunRequest | None:
    config = tick.retraining(found) if tick.retraining else None
    request = dg.RunRequest(
        run_key=key,
        asset_selection=step_assets(tick.context, target.model_spec.key),
        partition_key=target.partition,
        run_config=dict(config or {}),
        tags={"pedigree/drift": str(found.drift_id)},
    )
    try:
        require_runnable(tick.context, request, found.reference)
    except NotRetrainableError as error:
        tick.notes.append(str(error))
        return None
    return request


def _demote(
    tick: _DriftTick, target: Target, found: RecordedDrift, key: str
) -> dg.RunRequest | None:
    name = _name(found)
    stage = _policy_rule(tick.registry, name).stage
    assignments = tick.registry.timeline(name, f"stage:{stage}")
    if len({assignment.version_id for assignment in assignments}) < 2:
        tick.notes.append(f"{name}: {stage} has no previous version to return to")
        return None
    config = StageConfig(
        rollback=True,
        automatic=True,
        expected_generation=tick.registry.get(found.reference).generation,
        reason=found.verdict,
    )
    return dg.RunRequest(
        run_key=key,
        asset_selection=[target.model_spec.stage_key(stage)],
        asset_check_keys=[],
        partition_key=target.partition,
        run_config=stage_run_config(tick.context, {stage_op(target.model_spec, stage): config}),
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
        return DriftCursor()  # from another version of this code; handling events twice is harmless
