"""The registry's checks as asset checks of a model.

Each judges the version that the model's materialization names, and writes its verdict to the
registry as well: there a gate asks what was found on exactly this digest. That a check blocks holds
inside its own run only, and the version exists even where it failed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from pedigree.catalog.references import parse_reference
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.datasheets import Documented, datasheets_of
from pedigree.dagster.assets.model_spec import ModelLine, line_of
from pedigree.dagster.assets.names import slug
from pedigree.dagster.capture import materializations
from pedigree.dagster.capture.run_provenance import actor_of, partition_of
from pedigree.dagster.checks.check_op import check_op
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.datasets.records import Datasheet
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.checks.datasheets_present import DATASHEETS_PRESENT
from pedigree.lifecycle.checks.describe import described
from pedigree.lifecycle.checks.severity import shown_severity
from pedigree.lifecycle.policy import (
    ARTIFACT_INTACT,
    METADATA_COMPLETE,
    NO_REGRESSION,
    SIGNATURE_COMPATIBLE,
)
from pedigree.lifecycle.records import RecordedVerdict, Severity
from pedigree.registry import Registry


def model_checks(
    model: dg.AssetsDefinition | ModelLine | str,
    *,
    checks: Sequence[str] | None = None,
    blocking: bool = True,
    sources: Iterable[Documented] = (),
) -> dg.AssetChecksDefinition:
    """Return the registry's checks of a model asset, as one op.

    Args:
        model: The model's asset, or its name where another code location trains it.
        checks: The checks' names; by default those for which the model's policy asks, and those
            that apply to every model.
        blocking: A check that fails with severity *error* stops what follows in the same run.
        sources: Assets whose definitions carry a datasheet, for the check of datasheets.

    Raises:
        InvalidMetadataError: What a definition carries is no datasheet.
        InvalidPolicyError: A check does not take the settings by which the policy asks for it.
    """
    line = line_of(model)
    names = tuple(checks) if checks is not None else default_checks(line)
    sheets = datasheets_of(sources) if DATASHEETS_PRESENT in names else {}

    def judge(
        context: dg.AssetCheckExecutionContext, registry: RegistryResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        if DATASHEETS_PRESENT in selected:
            _keep(registry.connect(), context, sheets)
        for name in names:
            if name in selected:
                yield _judge(context, registry, line, name)

    specs = [_spec(line, name, blocking=blocking) for name in names]
    return check_op(slug(line.name, "checks"), line.key, specs, judge)


def default_checks(line: ModelLine) -> tuple[str, ...]:
    """Return the checks that apply to a model; without a champion's metric there is no regression.

    Those that look at the record alone come first, those that read all bytes last.
    """
    wanted = {METADATA_COMPLETE, SIGNATURE_COMPATIBLE, ARTIFACT_INTACT}
    if line.policy.champion_metric is not None:
        wanted.add(NO_REGRESSION)
    return tuple(name for name in CHECKS if name in wanted or line.policy.check_rules(name))


def _spec(line: ModelLine, name: str, *, blocking: bool) -> dg.AssetCheckSpec:
    description = described(name, line.policy) if name in CHECKS else None
    return dg.AssetCheckSpec(name, asset=line.key, blocking=blocking, description=description)


def _keep(
    registry: Registry, context: dg.AssetCheckExecutionContext, sheets: Mapping[str, Datasheet]
) -> None:
    actor = registry.actor(actor_of(context.run.tags))
    for asset, sheet in sheets.items():
        registry.set_datasheet(asset, sheet, actor=actor)


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
    model = parse_reference(reference).name
    verdicts = [
        client.run_check(
            reference, name, rule=rule, run_id=run.run_id, actor=client.actor(actor_of(run.tags))
        )
        for rule in client.check_rules(model, name)
    ]
    severity = shown_severity(client.policy(model), verdicts[0])
    return dg.AssetCheckResult(
        asset_key=line.key, **evaluation(reference, record.storage_id, verdicts, severity)
    )


def _record(
    context: dg.AssetCheckExecutionContext, line: ModelLine
) -> materializations.MaterializationRecord | None:
    partition = partition_of(context, line.key)
    return materializations.of_run(context.instance, line.key, partition, context.run.run_id)


def _reference(record: materializations.MaterializationRecord | None) -> str | None:
    """Return the version that a materialization names, if it names one."""
    named = record.event.metadata.get(metadata_keys.REFERENCE) if record else None
    return None if named is None else str(named.value)


def evaluation(
    reference: str, storage_id: int, verdicts: Sequence[RecordedVerdict], severity: Severity
) -> dict[str, Any]:
    """Return what Dagster shows of a check: what the earliest stage that asks for it found.

    Args:
        reference: The version that was judged.
        storage_id: Its materialization.
        verdicts: One for each of the settings by which stages ask, the earliest stage's first.
        severity: What a failure is.
    """
    verdict, *further = verdicts
    found: dict[str, Any] = {
        # Dagster's target is the newest materialization, which need not be the one judged.
        metadata_keys.REFERENCE: reference,
        metadata_keys.DIGEST: verdict.digest,
        metadata_keys.STORAGE_ID: str(storage_id),
        "details": dg.MetadataValue.json(dict(verdict.details)),
    }
    if verdict.settings:
        found["settings"] = dg.MetadataValue.json(dict(verdict.settings))
    if verdict.baseline_digest:
        found["pedigree/baseline_digest"] = verdict.baseline_digest
    if further:
        found["by the settings of later stages"] = dg.MetadataValue.json(
            [each.model_dump(mode="json", include=_LATER) for each in further]
        )
    return {
        "check_name": verdict.check,
        "passed": verdict.passed,
        "severity": dg.AssetCheckSeverity[severity.name],
        "description": verdict.summary,
        "metadata": found,
    }


_LATER = {"passed", "severity", "settings", "summary"}
