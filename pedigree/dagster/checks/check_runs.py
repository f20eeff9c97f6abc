"""Follow the asset checks that people define on models, and record what they find as verdicts.

Dagster's log of evaluations is read, so a check counts however it is defined: by ``@asset_check``
or ``@multi_asset_check``, by ``check_specs`` of the asset itself, by a factory, or reported without
a run. The registry's own checks write their verdicts themselves, and nobody else may by their
names.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage
from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree.dagster.assets.model_spec import ModelLine
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.checks.checked_version import CheckedVersion, looked_at
from pedigree.dagster.sensors.targets import Targets
from pedigree.errors import InvalidNameError, ModelNotFoundError
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import CheckRun, Severity
from pedigree.registry import Registry

_PAGE = 500
_PAGES = 4
# An event may be committed after one with a higher id: so long it is looked for again.
_LATE_S = 120.0
_PARTITION = "dagster/partition"


class CheckCursor(Record):
    """How far the evaluations of asset checks were read."""

    after: int = Field(default=0, description="The storage id up to which all of them are known")
    seen: tuple[int, ...] = Field(default=(), description="Those behind it that were looked at")
    waiting: tuple[int, ...] = Field(default=(), description="Those whose step has not ended")


class _Followed(NamedTuple):
    """What was recorded in a tick, in words, and where the next one goes on."""

    notes: tuple[str, ...]
    cursor: CheckCursor


def follow_checks(
    instance: dg.DagsterInstance, registry: Registry, targets: Targets, cursor: CheckCursor
) -> _Followed:
    """Record what evaluations of models' checks found since they were read, once each."""
    read = list(_behind(instance, cursor.after))
    found = {each.storage_id: each for each in read if each.storage_id not in cursor.seen}
    if cursor.waiting:
        found |= {
            each.storage_id: each for each in _read(instance, storage_ids=list(cursor.waiting))
        }
    notes: list[str] = []
    waiting: list[int] = []
    for storage_id, record in sorted(found.items()):
        is_read, note = _record(instance, registry, targets, record)
        notes += [note] if note else []
        waiting += [] if is_read else [storage_id]
    return _Followed(tuple(notes), _moved(cursor, read, waiting))


def _behind(instance: dg.DagsterInstance, after: int) -> Iterator[dg.EventLogRecord]:
    for _ in range(_PAGES):
        page = _read(instance, after_cursor=after)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].storage_id


def _read(instance: dg.DagsterInstance, **only: Any) -> list[dg.EventLogRecord]:
    """Return evaluations from the log that all runs share, the oldest first."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    records_filter = dg.EventRecordsFilter(kind, **only)
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        # SQLite keeps a log for each run, and evaluations of all in its index too; its own method
        # looks into the runs'.
        found = SqlEventLogStorage.get_event_records(
            storage, records_filter, limit=_PAGE, ascending=True
        )
    else:
        found = storage.get_event_records(records_filter, limit=_PAGE, ascending=True)
    return list(found)


def _moved(
    cursor: CheckCursor, read: Iterable[dg.EventLogRecord], waiting: Iterable[int]
) -> CheckCursor:
    young = datetime.now(UTC).timestamp() - _LATE_S
    known = {each.storage_id: each.timestamp for each in read}
    after = max((each for each, at in known.items() if at < young), default=cursor.after)
    return CheckCursor(
        after=after,
        seen=tuple(sorted(each for each in known if each > after)),
        waiting=tuple(waiting),
    )


def _record(
    instance: dg.DagsterInstance, registry: Registry, targets: Targets, record: dg.EventLogRecord
) -> tuple[bool, str | None]:
    """Record an evaluation; say whether it was read, and what is to be told of it."""
    evaluation = record.event_log_entry.asset_check_evaluation
    line = targets.by_key.get(evaluation.asset_key) if evaluation else None
    if evaluation is None or line is None or evaluation.check_name in CHECKS:
        return True, None
    checked = _checked(instance, targets, record, line)
    if checked is None:
        key = evaluation.asset_key.to_user_string()
        return True, f"check {evaluation.check_name} of {key} is about no one partition's model"
    found = looked_at(instance, registry, checked)
    if found is None:
        return False, None
    run = _run(instance, record, checked, found.digest, found.problem)
    try:
        registry.record_check_run(checked.model, run)
    except ModelNotFoundError:
        return True, None  # never trained yet, or deleted
    if found.problem is None:
        return True, None
    return True, f"{checked.model}: check {run.check} looked at an unknown version: {found.problem}"


def _checked(
    instance: dg.DagsterInstance, targets: Targets, record: dg.EventLogRecord, line: ModelLine
) -> CheckedVersion | None:
    """Return an evaluation with the registered model that it is about; None where it names none."""
    entry = record.event_log_entry
    evaluation = entry.asset_check_evaluation
    if evaluation is None:
        return None
    partition = evaluation.partition or _run_partition(instance, targets, entry)
    model = _model(line, partition)
    if model is None or (partition is None and evaluation.asset_key in targets.partitioned):
        return None
    return CheckedVersion(
        record.storage_id, entry.run_id, entry.step_key, evaluation, model, partition
    )


def _run_partition(
    instance: dg.DagsterInstance, targets: Targets, entry: dg.EventLogEntry
) -> str | None:
    """Return the partition of a run whose check has none, and whose model has."""
    evaluation = entry.asset_check_evaluation
    if evaluation is None or evaluation.asset_key not in targets.partitioned or not entry.run_id:
        return None
    run = instance.get_run_by_id(entry.run_id)
    return run.tags.get(_PARTITION) if run else None


def _model(line: ModelLine, partition: str | None) -> str | None:
    try:
        return line.registered_name(partition)
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
        summary=evaluation.description or f"the check {outcome}",
        details=_details(evaluation.metadata),
        run_id=checked.run_id or None,
        looked_at=datetime.fromtimestamp(record.timestamp, UTC),
    )


def _details(said: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, JsonValue]:
    """Return the metadata of an evaluation that JSON can say."""
    plain = (
        *(dg.TextMetadataValue, dg.IntMetadataValue, dg.FloatMetadataValue),
        *(dg.BoolMetadataValue, dg.JsonMetadataValue, dg.MarkdownMetadataValue),
    )
    found: dict[str, Any] = {
        name: value.value for name, value in said.items() if isinstance(value, plain)
    }
    return {name: value for name, value in found.items() if value is not None}
