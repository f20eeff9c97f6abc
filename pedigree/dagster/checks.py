"""The registry's checks as asset checks of a model.

Each judges the version that the model's materialization names, and writes its verdict to the
registry as well: there a gate asks what was found on exactly this digest. That a check blocks holds
inside its own run only, and the version exists even where it failed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from pedigree.dagster import events, metadata
from pedigree.dagster.line import ModelLine, line_of
from pedigree.dagster.names import slug
from pedigree.dagster.provenance import actor_of
from pedigree.dagster.resource import RegistryResource
from pedigree.lifecycle.policy import (
    ARTIFACT_INTACT,
    METADATA_COMPLETE,
    NO_REGRESSION,
    SIGNATURE_COMPATIBLE,
)
from pedigree.lifecycle.records import RecordedVerdict, Severity


def model_checks(
    model: dg.AssetsDefinition | ModelLine | str,
    *,
    checks: Sequence[str] | None = None,
    blocking: bool = True,
) -> dg.AssetChecksDefinition:
    """Return the registry's checks of a model asset, as one op.

    Args:
        model: The model's asset, or its name where another code location trains it.
        checks: The checks' names; by default all that apply to the model's policy.
        blocking: A check that fails with severity *error* stops what follows in the same run.
    """
    line = line_of(model)
    names = tuple(checks) if checks is not None else default_checks(line)

    @dg.multi_asset_check(
        name=slug(line.name, "checks"),
        specs=[dg.AssetCheckSpec(name, asset=line.key, blocking=blocking) for name in names],
        can_subset=True,
    )
    def judge(
        context: dg.AssetCheckExecutionContext, registry: RegistryResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        for name in names:
            if name in selected:
                yield _judge(context, registry, line, name)
        if reference := _reference(_record(context, line)):
            registry.connect().renew_card(reference)

    return judge


def default_checks(line: ModelLine) -> tuple[str, ...]:
    """Return the checks that apply to a model; without a champion's metric there is no regression.

    Those that look at the record alone come first, the one that reads all bytes last.
    """
    names = [METADATA_COMPLETE, SIGNATURE_COMPATIBLE]
    if line.policy.champion_metric is not None:
        names.append(NO_REGRESSION)
    return (*names, ARTIFACT_INTACT)


def _judge(
    context: dg.AssetCheckExecutionContext,
    registry: RegistryResource,
    line: ModelLine,
    name: str,
) -> dg.AssetCheckResult:
    run = context.run
    record = _record(context, line)
    reference = _reference(record)
    if record is None or reference is None:
        return dg.AssetCheckResult(
            check_name=name,
            asset_key=line.key,
            passed=False,
            description="no materialization names a version, so there is nothing to judge",
        )
    client = registry.connect()
    verdict = client.run_check(
        reference, name, run_id=run.run_id, actor=client.actor(actor_of(run.tags))
    )
    return _result(line, reference, record.storage_id, verdict)


def _record(
    context: dg.AssetCheckExecutionContext, line: ModelLine
) -> events.MaterializationRecord | None:
    partition = context.partition_key if context.has_partition_key else None
    return events.of_run(context.instance, line.key, partition, context.run.run_id)


def _reference(record: events.MaterializationRecord | None) -> str | None:
    """Return the version that a materialization names, if it names one."""
    named = record.event.metadata.get(metadata.REFERENCE) if record else None
    return None if named is None else str(named.value)


def _result(
    line: ModelLine, reference: str, storage_id: int, verdict: RecordedVerdict
) -> dg.AssetCheckResult:
    found: dict[str, Any] = {
        # Dagster's target is the newest materialization, which need not be the one judged.
        metadata.REFERENCE: reference,
        metadata.DIGEST: verdict.digest,
        "pedigree/storage_id": storage_id,
        "details": dg.MetadataValue.json(dict(verdict.details)),
    }
    if verdict.baseline_digest:
        found["pedigree/baseline_digest"] = verdict.baseline_digest
    return dg.AssetCheckResult(
        check_name=verdict.check,
        asset_key=line.key,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.WARN
        if verdict.severity is Severity.WARN
        else dg.AssetCheckSeverity.ERROR,
        description=verdict.summary,
        metadata=found,
    )
