"""Report check results from outside a run to the asset graph: entry point ``asset_check_reports``.

An evaluation that is reported without a run names its target materialization, so a check that is
newer than the version appears on the version's own materialization, not on the newest one.
"""

from collections.abc import Sequence

import dagster as dg

# Not public; without it Dagster shows the evaluation on the newest materialization.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

from pedigree.catalog.records import ModelVersion, TrainingOrigin
from pedigree.dagster.capture import event_log, materializations
from pedigree.dagster.capture.staleness import UNREACHABLE_ERRORS, reachable_instance
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
    """Report one check's verdicts on the materialization of a version, if it is reachable.

    Args:
        version: The version.
        origin: The asset and the partition that trained it.
        verdicts: One verdict for each distinct check settings, the earliest stage's first.
        severity: The severity of a failure.
        settings: This process's settings, which determine the reachable instance.

    Returns:
        Whether the verdicts were reported.
    """
    try:
        with reachable_instance(settings) as instance:
            if instance is None:
                return False
            target = _target_of(instance, version, origin)
            if target is None:
                return False  # not the instance that trained it, or its events were wiped
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=_key(origin),
                    partition=origin.partition,
                    target_materialization_data=target,
                    **evaluation(
                        version.reference, target.storage_id, verdicts, severity, settings
                    ),
                )
            )
            return True
    except UNREACHABLE_ERRORS:
        return False


def _target_of(
    instance: dg.DagsterInstance, version: ModelVersion, origin: TrainingOrigin
) -> Target | None:
    """Return the materialization of a version, as an evaluation names it; None without one."""
    key = _key(origin)
    storage_id = materializations.of_version(
        instance, key, origin.partition, version.version_id, searched=_SEARCHED
    )
    event = event_log.by_ids(instance, key, [storage_id]).get(storage_id) if storage_id else None
    if event is None:
        return None
    return Target(
        storage_id=event.storage_id, run_id=event.run_id or "", timestamp=event.at.timestamp()
    )


def _key(origin: TrainingOrigin) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(str(origin.asset))
