"""Follow the asset checks that users define on models, and record their results as verdicts.

This reads Dagster's log of evaluations, so a check counts however it is defined: by
``@asset_check`` or ``@multi_asset_check``, by ``check_specs`` of the asset itself, by a factory, or
reported without a run. The registry's own checks write their verdicts themselves, so evaluations
under their names are ignored.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage
from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree._storable import storable, storable_text
from pedigree.dagster.assets.model_spec import ModelSpec
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.checks.checked_version import CheckedVersion, checked_digest
from pedigree.dagster.sensors.targets import Targets
from pedigree.dagster.sensors.tick_loops import tick_loop
from pedigree.errors import InvalidNameError, ModelNotFoundError
from pedigree.failures.records import BackgroundWork
from pedigree.lifecycle.check_run_records import CheckRun
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import Severity
from pedigree.registry import Registry

_PAGE = 500
_PAGES = 4
# An event may be committed after one with a higher id, so events are read again for this long.
_MAX_COMMIT_DELAY_S = 120.0
_PARTITION = "dagster/partition"


class CheckCursor(Record):
    """The position in the log of check evaluations."""

    after: int = Field(default=0, description="Storage id up to which all evaluations are done")
    seen: tuple[int, ...] = Field(default=(), description="Later evaluations that are done")
    waiting: tuple[int, ...] = Field(default=(), description="Evaluations whose step has not ended")


class FollowedChecks(NamedTuple):
    """Notes on a tick's evaluations, those that failed, and the cursor of the next tick."""

    notes: tuple[str, ...]
    problems: tuple[str, ...]
    cursor: CheckCursor


def follow_checks(
    instance: dg.DagsterInstance, registry: Registry, targets: Targets, cursor: CheckCursor
) -> FollowedChecks:
    """Record the new evaluations of models' checks, each once."""
    read = list(_read_after(instance, cursor.after))
    found = {record.storage_id: record for record in read if record.storage_id not in cursor.seen}
    if cursor.waiting:
        waiting_records = _read(instance, storage_ids=list(cursor.waiting))
        found |= {record.storage_id: record for record in waiting_records}
    notes: list[str] = []
    waiting: list[int] = []
    loop = tick_loop(instance, registry, BackgroundWork.ASSET_CHECKS)
    for storage_id, record in sorted(found.items()):
        recorded = loop.attempt(
            _member(record), partial(_record, instance, registry, targets, record)
        )
        is_done, note = recorded.value or (False, None)
        notes += [note] if note else []
        waiting += [] if is_done else [storage_id]
    next_cursor = _next_cursor(cursor, read, waiting)
    return FollowedChecks(tuple(notes), tuple(loop.notes), next_cursor)


def _member(record: dg.EventLogRecord) -> str:
    evaluation = record.event_log_entry.asset_check_evaluation
    if evaluation is None:
        return f"event {record.storage_id}"
    asset = evaluation.asset_key.to_user_string()
    return f"{evaluation.check_name} of {asset}, event {record.storage_id}"


def _read_after(instance: dg.DagsterInstance, after: int) -> Iterator[dg.EventLogRecord]:
    for _ in range(_PAGES):
        page = _read(instance, after_cursor=after)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].storage_id


def _read(instance: dg.DagsterInstance, **only: Any) -> list[dg.EventLogRecord]:
    """Return evaluations from the log that all runs share, oldest first."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    records_filter = dg.EventRecordsFilter(kind, **only)
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        # SQLite has one log per run, and an index with the evaluations of all runs. The method of
        # the SQLite class reads the logs; this one reads the index.
        found = SqlEventLogStorage.get_event_records(
            storage, records_filter, limit=_PAGE, ascending=True
        )
    else:
        found = storage.get_event_records(records_filter, limit=_PAGE, ascending=True)
    return list(found)


def _next_cursor(
    cursor: CheckCursor, read: Iterable[dg.EventLogRecord], waiting: Iterable[int]
) -> CheckCursor:
    settled_before = datetime.now(UTC).timestamp() - _MAX_COMMIT_DELAY_S
    times = {record.storage_id: record.timestamp for record in read}
    settled = (storage_id for storage_id, at in times.items() if at < settled_before)
    after = max(settled, default=cursor.after)
    return CheckCursor(
        after=after,
        seen=tuple(sorted(storage_id for storage_id in times if storage_id > after)),
        waiting=tuple(waiting),
    )


def _record(
    instance: dg.DagsterInstance, registry: Registry, targets: Targets, record: dg.EventLogRecord
) -> tuple[bool, str | None]:
    """Record an evaluation; return whether it is done, and a note if there is one."""
    evaluation = record.event_log_entry.asset_check_evaluation
    model_spec = targets.by_key.get(evaluation.asset_key) if evaluation else None
    if evaluation is None or model_spec is None or evaluation.check_name in CHECKS:
        return True, None
    checked = _checked(instance, targets, record, model_spec)
    if checked is None:
        key = evaluation.asset_key.to_user_string()
        return True, f"check {evaluation.check_name} of {key} does not identify one model"
    found = checked_digest(instance, registry, checked)
    if found is None:
        return False, None
    run = _run(instance, record, checked, found.digest, found.problem)
    try:
        registry.operations.check_runs.record_check_run(checked.model, run)
    except ModelNotFoundError:
        return True, None  # never trained yet, or deleted
    if found.problem is None:
        return True, None
    return True, f"{checked.model}: check {run.check} ran on an unknown version: {found.problem}"


def _checked(
    instance: dg.DagsterInstance, targets: Targets, record: dg.EventLogRecord, model_spec: ModelSpec
) -> CheckedVersion | None:
    """Return an evaluation with the registered model that it is about, or None."""
    entry = record.event_log_entry
    evaluation = entry.asset_check_evaluation
    if evaluation is None:
        return None
    partition = evaluation.partition or _run_partition(instance, targets, entry)
    model = _model(model_spec, partition)
    if model is None or (partition is None and evaluation.asset_key in targets.partitioned):
        return None
    return CheckedVersion(
        record.storage_id, entry.run_id, entry.step_key, evaluation, model, partition
    )


def _run_partition(
    instance: dg.DagsterInstance, targets: Targets, entry: dg.EventLogEntry
) -> str | None:
    """Return the run's partition for a check without a partition on a partitioned model."""
    evaluation = entry.asset_check_evaluation
    if evaluation is None or evaluation.asset_key not in targets.partitioned or not entry.run_id:
        return None
    run = instance.get_run_by_id(entry.run_id)
    return run.tags.get(_PARTITION) if run else None


def _model(model_spec: ModelSpec, partition: str | None) -> str | None:
    try:
        return model_spec.registered_name(partition)
    except InvalidNameError:
        return None


def _run(
    instance: dg.DagsterInstance,
    record: dg.EventLogRecord,
    checked: CheckedVersion,
    digest: str | None,
    problem: str | None,
) -> CheckRun:
    evaluation = checked.evaluation
    outcome = "passed" if evaluation.passed else "failed"
    return CheckRun(
        instance_id=instance_id(instance) or "",
        event_id=checked.storage_id,
        check=evaluation.check_name,
        passed=evaluation.passed,
        severity=Severity[evaluation.severity.name],
        digest=digest,
        problem=problem,
        summary=storable_text(evaluation.description or f"the check {outcome}"),
        details=_details(evaluation.metadata),
        run_id=checked.run_id or None,
        looked_at=datetime.fromtimestamp(record.timestamp, UTC),
    )


def _details(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, JsonValue]:
    """Return the metadata of an evaluation that can be written as JSON, within its bounds."""
    plain = (
        *(dg.TextMetadataValue, dg.IntMetadataValue, dg.FloatMetadataValue),
        *(dg.BoolMetadataValue, dg.JsonMetadataValue, dg.MarkdownMetadataValue),
    )
    found: dict[str, Any] = {
        name: value.value for name, value in metadata.items() if isinstance(value, plain)
    }
    return storable({name: value for name, value in found.items() if value is not None})
