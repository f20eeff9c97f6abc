"""Which version of a model an asset check examined.

Dagster's own target is the newest materialization, which need not be the check's input. So the
sources are, in this order:

1. the check's own metadata ``pedigree/reference`` or ``pedigree/digest``;
2. what its own step made;
3. what its step loaded;
4. in a run that judges a pending version, none: it must load the version or name it;
5. the only materialization that was the newest at some moment between the start of the step and the
   evaluation, or that its run made.

If more than one version remains, the version is unknown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import dagster as dg

from pedigree.catalog.references import parse_number
from pedigree.catalog.seal_states import SealState
from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.judged_versions import judged_version
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


class CheckedDigest(NamedTuple):
    """The digest that a check examined; None with the reason if it is unknown."""

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

    def matches(self, made: dg.AssetMaterialization | None) -> bool:
        """Return whether a materialization belongs to the asset (partition)."""
        return made is not None and (made.asset_key, made.partition) == (self.key, self.partition)


@dataclass
class _StepLog:
    """The step that evaluated a check, in the run's log."""

    has_ended: bool
    start: dg.EventLogRecord | None = None
    loads: list[Load] = field(default_factory=list)
    made: list[dg.AssetMaterialization] = field(default_factory=list)
    run_made: bool = False
    judges: str | None = None
    """The pending version that the run judges."""


def checked_digest(
    instance: dg.DagsterInstance, registry: Registry, checked: CheckedVersion
) -> CheckedDigest | None:
    """Return what a check examined; None if its step has not ended, so it may still record it."""
    metadata = checked.evaluation.metadata
    if metadata_keys.REFERENCE in metadata or metadata_keys.DIGEST in metadata:
        return _from_metadata(registry, checked)
    if not checked.run_id:
        return _from_target(instance, checked)
    log = _read_log(instance, checked)
    return _from_run(instance, checked, log) if log.has_ended else None


def _from_run(
    instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog
) -> CheckedDigest:
    if log.made:
        return _unique((_version_of(made, checked) for made in log.made), "its step made")
    inputs = [load.digest for load in log.loads if load.asset == checked.key]
    if inputs:
        return _unique(map(CheckedDigest, inputs), "its step loaded")
    if log.judges is not None:
        return CheckedDigest(None, f"it did not load {log.judges}, which its run judges")
    candidates = _unique(_candidates(instance, checked, log), "it may have examined")
    loaded = {load.digest for load in log.loads if _is_version(load.reference, checked.model)}
    if loaded and candidates.digest is not None and candidates.digest not in loaded:
        return CheckedDigest(None, "it loaded another version than the asset's newest")
    return candidates


def _from_metadata(registry: Registry, checked: CheckedVersion) -> CheckedDigest:
    """Return the version in the check's own metadata."""
    metadata = checked.evaluation.metadata
    digest = str(metadata[metadata_keys.DIGEST].value) if metadata_keys.DIGEST in metadata else None
    if metadata_keys.REFERENCE not in metadata:
        return CheckedDigest(digest)
    reference = str(metadata[metadata_keys.REFERENCE].value)
    if not _is_version(reference, checked.model):
        return CheckedDigest(
            None, f"it names {reference}, which is not a version of {checked.model}"
        )
    try:
        registered = _digest_of(registry, reference)
    except NotFoundError:
        return CheckedDigest(None, f"it names {reference}, which does not exist")
    if digest not in (None, registered):
        return CheckedDigest(None, f"it names {reference}, but a different digest")
    if registered is None:
        return CheckedDigest(None, f"it names {reference}, whose bytes the registry does not have")
    return CheckedDigest(registered)


def _digest_of(registry: Registry, reference: str) -> str | None:
    """Return the digest of a version, also of a pending one that waits for checks."""
    version = registry.get(reference)
    if version.state is not SealState.PENDING:
        return version.digest
    waiting = registry.operations.awaited_checks.find(version.reference)
    return waiting.manifest.digest if waiting else None


def _from_target(instance: dg.DagsterInstance, checked: CheckedVersion) -> CheckedDigest:
    """Return the version of the target materialization of an evaluation without a run."""
    target = checked.evaluation.target_materialization_data
    if target is None:
        return CheckedDigest(None, "it was reported without a run and without a materialization")
    found = _materializations(instance, checked, storage_ids=[target.storage_id])
    made = [record.asset_materialization for record in found if record.asset_materialization]
    if not made:
        return CheckedDigest(None, "its target materialization has been deleted")
    return _version_of(made[0], checked)


def _read_log(instance: dg.DagsterInstance, checked: CheckedVersion) -> _StepLog:
    run = instance.get_run_by_id(checked.run_id)
    log = _StepLog(
        has_ended=run is None or run.is_finished,
        judges=judged_version(run.tags, checked.key) if run else None,
    )
    node = _node(checked.step_key)
    for record in instance.get_records_for_run(checked.run_id, of_type=_RUN_EVENTS).records:
        entry = record.event_log_entry
        made = entry.asset_materialization
        if made is not None and checked.matches(made):
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
        # In a graph-backed asset another step makes the model, so the whole run must end.
        log.has_ended = True


def _node(step_key: str | None) -> str:
    """Return the node of a step; all ops of a graph-backed asset have the same one."""
    return str(step_key).partition(".")[0]


def _candidates(
    instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog
) -> Iterator[CheckedDigest]:
    """Yield the versions that the check can have found as the asset's newest, newest first."""
    records = list(_candidate_records(instance, checked, log))
    target = checked.evaluation.target_materialization_data
    ids = {record.storage_id for record in records}
    if target is not None and target.storage_id not in ids:
        # It was wiped since, or somebody reported the evaluation with another target.
        yield CheckedDigest(None, "Dagster names a materialization that it cannot have examined")
    for record in records:
        if record.asset_materialization is not None:
            yield _version_of(record.asset_materialization, checked)
    if records and not _is_oldest(instance, checked, log, records[-1]):
        yield CheckedDigest(None, "the asset's state at the start of the step is unknown")


def _candidate_records(
    instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog
) -> Iterator[dg.EventLogRecord]:
    for record in _materializations(instance, checked, before_storage_id=checked.storage_id):
        yield record
        if _is_oldest(instance, checked, log, record):
            return


def _is_oldest(
    instance: dg.DagsterInstance, checked: CheckedVersion, log: _StepLog, record: dg.EventLogRecord
) -> bool:
    """Return whether a materialization is the oldest one that a check can have found."""
    if log.run_made:
        return record.run_id == checked.run_id
    if log.start is None:
        return False
    # The ids of a run's own events count per run if its log is a separate database.
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


def _version_of(made: dg.AssetMaterialization, checked: CheckedVersion) -> CheckedDigest:
    found = made.metadata
    reference = (
        str(found[metadata_keys.REFERENCE].value) if metadata_keys.REFERENCE in found else ""
    )
    if metadata_keys.DIGEST not in found or not _is_version(reference, checked.model):
        return CheckedDigest(
            None, f"the asset's materialization is not a version of {checked.model}"
        )
    return CheckedDigest(str(found[metadata_keys.DIGEST].value))


def _is_version(reference: str, model: str) -> bool:
    """Return whether a reference names a version of a model by its number."""
    try:
        return parse_number(reference)[0].name == model
    except InvalidInputError:
        return False


def _unique(found: Iterable[CheckedDigest], source: str) -> CheckedDigest:
    """Return the only digest; unknown if there are several or none."""
    candidates = list(found)
    digests = {candidate.digest for candidate in candidates}
    if len(digests) == 1 or None in digests:
        return next((c for c in candidates if c.digest is None), candidates[0])
    if not digests:
        return CheckedDigest(None, "the asset was not materialized yet")
    return CheckedDigest(None, f"there are {len(digests)} versions that {source}")
