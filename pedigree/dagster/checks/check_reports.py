"""Show in the asset graph what a check found outside any run: entry point ``asset_check_reports``.

An evaluation that is reported without a run names the materialization it is about, so a check that
is newer than the version appears on the version's own materialization, not on the newest one.
"""

from collections.abc import Sequence

import dagster as dg

# Not public; without it Dagster shows the evaluation on whichever materialization is the newest.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

from pedigree.catalog.records import ModelVersion, TrainingOrigin
from pedigree.dagster.capture import event_log, materializations
from pedigree.dagster.capture.staleness import OUT_OF_REACH, instance_in_reach
from pedigree.dagster.checks.model_checks import evaluation
from pedigree.lifecycle.records import RecordedVerdict, Severity
from pedigree.settings import Settings

_SEARCHED = 10_000


def report_verdicts(
    version: ModelVersion,
    origin: TrainingOrigin,
    verdicts: Sequence[RecordedVerdict],
    severity: Severity,
    settings: Settings,
) -> bool:
    """Report one check's verdicts on the materialization of a version, if that can be reached.

    Args:
        version: The version.
        origin: Where it was trained: the asset and the partition.
        verdicts: One for each of the settings by which stages ask, the earliest stage's first.
        severity: What a failure is.
        settings: This process's settings; they tell which instance is within reach.
    """
    try:
        with instance_in_reach(settings) as instance:
            return instance is not None and _report(instance, version, origin, verdicts, severity)
    except OUT_OF_REACH:
        return False


def _report(
    instance: dg.DagsterInstance,
    version: ModelVersion,
    origin: TrainingOrigin,
    verdicts: Sequence[RecordedVerdict],
    severity: Severity,
) -> bool:
    key = dg.AssetKey.from_user_string(str(origin.asset))
    storage_id = materializations.of_version(
        instance, key, origin.partition, version.version_id, searched=_SEARCHED
    )
    event = event_log.by_ids(instance, key, [storage_id]).get(storage_id) if storage_id else None
    if event is None:
        return False  # another instance than the one that trained it, or its events were wiped
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key,
            partition=origin.partition,
            target_materialization_data=Target(
                storage_id=event.storage_id,
                run_id=event.run_id or "",
                timestamp=event.at.timestamp(),
            ),
            **evaluation(version.reference, event.storage_id, verdicts, severity),
        )
    )
    return True
