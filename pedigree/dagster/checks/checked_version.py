"""Which version of a model the run of an asset check looked at.

Dagster's own target is the newest materialization, which need not be what the check was given. So
a check's word goes first (the metadata ``pedigree/reference`` or ``pedigree/digest``), then what
its own step made, then what it loaded, then what alone it can have been: the one materialization
that was the newest at some moment between the start of the step and the evaluation, or that its run
made. Where more than one remains it is not known, and nothing is guessed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import dagster as dg

from pedigree.catalog.references import parse_number
from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.loads import Load, load_of
from pedigree.errors import InvalidInputError, NotFoundError
from pedigree.registry import Registry

_RUN_EVENTS = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ENGINE_EVENT,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
}
_ENDS = {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}
_PAGE = 100


class LookedAt(NamedTuple):
    """The bytes that a check looked at; None with the reason where that is not known."""

    digest: str | None
    problem: str | None = None


@dataclass(frozen=True)
class CheckedVersion:
    """An evaluation of an asset check, and the registered model that it is about."""

    storage_id: int
    run_id: str
    step_key: str | None
    evaluation: dg.AssetCheckEvaluation
    model: str
    partition: str | None

    @property
    def key(self) -> dg.AssetKey:
        """The asset's key."""
        return self.evaluation.asset_key

    def is_of(self, made: dg.AssetMaterialization | None) -> bool:
        """Say whether a materialization is one of the asset (partition)."""
        return made is not None and (made.asset_key, made.partition) == (self.key, self.partition)


@dataclass
class _StepLog:
    """What the log of a run says of the step that evaluated a check."""

    has_ended: bool
    start: dg.EventLogRecord | None = None
    loads: list[Load] = field(default_factory=list)
    made: list[dg.AssetMaterialization] = field(default_factory=list)
    run_made: bool = False


def looked_at(
    instance: dg.DagsterInstance, registry: Registry, checked: CheckedVersion
) -> LookedAt | None:
    """Return what a check looked at; None where its step has not ended, and may still say."""
    said = checked.evaluation.metadata
    if metadata_keys.REFERENCE in said or metadata_keys.DIGEST in said:
        return _stated(registry, checked)
    if not checked.run_id:
        return _targeted(instance, checked)
    log = _read_log(instance, checked)
    return _seen_in_run(instance, checked, log) if log.has_ended else None


def _seen_in_run(instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog) -> LookedAt:
    if log.made:
        return _only((_version_of(made, checked) for made in log.made), "its step made")
    given = [load.digest for load in log.loads if load.asset == checked.key]
    if given:
        return _only(map(LookedAt, given), "its step loaded")
    candidates = _only(_candidates(instance, checked, log), "it may have looked at")
    loaded = {load.digest for load in log.loads if _names(load.reference, checked.model)}
    if loaded and candidates.digest is not None and candidates.digest not in loaded:
        return LookedAt(None, "it loaded another version than the asset's newest")
    return candidates


def _stated(registry: Registry, checked: CheckedVersion) -> LookedAt:
    """Return what the check itself says that it looked at, in its metadata."""
    said = checked.evaluation.metadata
    digest = str(said[metadata_keys.DIGEST].value) if metadata_keys.DIGEST in said else None
    if metadata_keys.REFERENCE not in said:
        return LookedAt(digest)
    reference = str(said[metadata_keys.REFERENCE].value)
    if not _names(reference, checked.model):
        return LookedAt(None, f"it names {reference}, which is no version of {checked.model}")
    try:
        known = registry.get(reference).digest
    except NotFoundError:
        return LookedAt(None, f"it names {reference}, which does not exist")
    if digest not in (None, known):
        return LookedAt(None, f"it names {reference}, and other bytes than this has")
    return LookedAt(known)


def _targeted(instance: dg.DagsterInstance, checked: CheckedVersion) -> LookedAt:
    """Return what an evaluation without a run is about: it names a materialization, or nothing."""
    target = checked.evaluation.target_materialization_data
    if target is None:
        return LookedAt(None, "it was reported without a run, and names no materialization")
    found = _materializations(instance, checked, storage_ids=[target.storage_id])
    made = [record.asset_materialization for record in found if record.asset_materialization]
    if not made:
        return LookedAt(None, "the materialization that it names is gone")
    return _version_of(made[0], checked)


def _read_log(instance: dg.DagsterInstance, checked: CheckedVersion) -> _StepLog:
    run = instance.get_run_by_id(checked.run_id)
    log = _StepLog(has_ended=run is None or run.is_finished)
    node = _node(checked.step_key)
    for record in instance.get_records_for_run(checked.run_id, of_type=_RUN_EVENTS).records:
        entry = record.event_log_entry
        made = entry.asset_materialization
        if made is not None and checked.is_of(made):
            log.run_made = True
            log.made += [made] if _node(entry.step_key) == node else []
        elif entry.dagster_event is not None and entry.step_key == checked.step_key:
            _add(log, record, entry.dagster_event)
    return log


def _add(log: _StepLog, record: dg.EventLogRecord, event: dg.DagsterEvent) -> None:
    if event.event_type is dg.DagsterEventType.STEP_START:
        log.start = log.start or record
    elif (load := load_of(event)) is not None:
        log.loads.append(load)
    elif event.event_type in _ENDS and "." not in str(event.step_key):
        # Of a graph-backed asset another step makes the model, so its run is waited for.
        log.has_ended = True


def _node(step_key: str | None) -> str:
    """Return the node of a step: the ops of a graph-backed asset are of one."""
    return str(step_key).partition(".")[0]


def _candidates(
    instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog
) -> Iterator[LookedAt]:
    """Give what the check can have found as the asset's newest, from its evaluation backwards."""
    records = list(_records_seen(instance, checked, log))
    target = checked.evaluation.target_materialization_data
    ids = {record.storage_id for record in records}
    if target is not None and target.storage_id not in ids:
        # It was wiped since, or the evaluation was written by hand and says something else.
        yield LookedAt(None, "Dagster names a materialization that it cannot have looked at")
    for record in records:
        if record.asset_materialization is not None:
            yield _version_of(record.asset_materialization, checked)
    if records and not _is_first(instance, checked, log, records[-1]):
        yield LookedAt(None, "it is not known what the asset was when it began")


def _records_seen(
    instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog
) -> Iterator[dg.EventLogRecord]:
    for record in _materializations(instance, checked, before_storage_id=checked.storage_id):
        yield record
        if _is_first(instance, checked, log, record):
            return


def _is_first(
    instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog, record: dg.EventLogRecord
) -> bool:
    """Say whether a check can have found no materialization that is older than one."""
    if log.run_made:
        return record.run_id == checked.run_id
    if log.start is None:
        return False
    # The ids of a run's own events count per run where its log is a database of its own.
    if instance.event_log_storage.is_run_sharded:
        return record.timestamp <= log.start.timestamp
    return record.storage_id < log.start.storage_id


def _materializations(
    instance: dg.DagsterInstance,
    checked: CheckedVersion,
    *,
    storage_ids: list[int] | None = None,
    before_storage_id: int | None = None,
) -> list[dg.EventLogRecord]:
    records_filter = dg.AssetRecordsFilter(
        checked.key,
        asset_partitions=None if checked.partition is None else [checked.partition],
        storage_ids=storage_ids,
        before_storage_id=before_storage_id,
    )
    return list(instance.fetch_materializations(records_filter, limit=_PAGE).records)


def _version_of(made: dg.AssetMaterialization, checked: CheckedVersion) -> LookedAt:
    said = made.metadata
    reference = str(said[metadata_keys.REFERENCE].value) if metadata_keys.REFERENCE in said else ""
    if metadata_keys.DIGEST not in said or not _names(reference, checked.model):
        return LookedAt(None, f"the asset was made by what is no version of {checked.model}")
    return LookedAt(str(said[metadata_keys.DIGEST].value))


def _names(reference: str, model: str) -> bool:
    """Say whether a reference names a version of a model by its number."""
    try:
        return parse_number(reference)[0].name == model
    except InvalidInputError:
        return False


def _only(found: Iterable[LookedAt], what: str) -> LookedAt:
    """Return the one digest of several; unknown where there are more, or none."""
    each = list(found)
    digests = {one.digest for one in each}
    if len(digests) == 1 or None in digests:
        return next((one for one in each if one.digest is None), each[0])
    if not digests:
        return LookedAt(None, "the asset was not materialized yet")
    return LookedAt(None, f"{len(digests)} versions remain that {what}")
