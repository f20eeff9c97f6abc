"""The registry's checks as asset checks of a model.

Each check evaluates the version in the model's materialization, and also writes its verdict to the
registry, where a gate looks it up by digest. A blocking check only stops its own run: the version
exists even if the check fails.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from pedigree.catalog.references import parse_reference
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.datasheets import Documented, datasheets_of
from pedigree.dagster.assets.model_spec import ModelSpec, model_spec_of
from pedigree.dagster.assets.names import slug
from pedigree.dagster.capture import materializations
from pedigree.dagster.capture.run_provenance import actor_of, partition_of
from pedigree.dagster.checks.check_op import check_op
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.version_pages import page_metadata
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
from pedigree.settings import Settings


def model_checks(
    model: dg.AssetsDefinition | ModelSpec | str,
    *,
    checks: Sequence[str] | None = None,
    blocking: bool = True,
    sources: Iterable[Documented] = (),
) -> dg.AssetChecksDefinition:
    """Return the registry's checks of a model asset, as one op.

    Args:
        model: The model's asset, or its name if another code location trains it.
        checks: The checks' names; by default those in the model's policy, and those that apply to
            every model.
        blocking: Whether a check that fails with severity *error* stops downstream assets in the
            same run.
        sources: Assets whose definitions may have datasheets, for the datasheet check.

    Raises:
        InvalidMetadataError: A definition has an invalid datasheet.
        InvalidPolicyError: The policy has settings that a check does not accept.
    """
    model_spec = model_spec_of(model)
    names = tuple(checks) if checks is not None else default_checks(model_spec)
    sheets = datasheets_of(sources) if DATASHEETS_PRESENT in names else {}

    def evaluate(
        context: dg.AssetCheckExecutionContext, registry: RegistryResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        if DATASHEETS_PRESENT in selected:
            _keep(registry.connect(), context, sheets)
        for name in names:
            if name in selected:
                yield _evaluate_check(context, registry, model_spec, name)

    specs = [_spec(model_spec, name, blocking=blocking) for name in names]
    return check_op(slug(model_spec.name, "checks"), model_spec.key, specs, evaluate)


def default_checks(model_spec: ModelSpec) -> tuple[str, ...]:
    """Return the checks that apply to a model; the regression check needs a champion metric.

    Checks that read only the record come first, checks that read all bytes last.
    """
    wanted = {METADATA_COMPLETE, SIGNATURE_COMPATIBLE, ARTIFACT_INTACT}
    if model_spec.policy.champion_metric is not None:
        wanted.add(NO_REGRESSION)
    return tuple(name for name in CHECKS if name in wanted or model_spec.policy.check_rules(name))


def _spec(model_spec: ModelSpec, name: str, *, blocking: bool) -> dg.AssetCheckSpec:
    description = described(name, model_spec.policy) if name in CHECKS else None
    return dg.AssetCheckSpec(name, asset=model_spec.key, blocking=blocking, description=description)


def _keep(
    registry: Registry, context: dg.AssetCheckExecutionContext, sheets: Mapping[str, Datasheet]
) -> None:
    actor = registry.actor(actor_of(context.run.tags))
    for asset, sheet in sheets.items():
        registry.set_datasheet(asset, sheet, actor=actor)


def _evaluate_check(
    context: dg.AssetCheckExecutionContext,
    registry: RegistryResource,
    model_spec: ModelSpec,
    name: str,
) -> dg.AssetCheckResult:
    run = context.run
    record = _record(context, model_spec)
    reference = _reference(record)
    if record is None or reference is None:
        return dg.AssetCheckResult(
            check_name=name,
            asset_key=model_spec.key,
            passed=False,
            description="the materialization names no version, so there is nothing to check",
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
    found = evaluation(reference, record.storage_id, verdicts, severity, client.settings)
    return dg.AssetCheckResult(asset_key=model_spec.key, **found)


def _record(
    context: dg.AssetCheckExecutionContext, model_spec: ModelSpec
) -> materializations.MaterializationRecord | None:
    partition = partition_of(context, model_spec.key)
    return materializations.of_run(context.instance, model_spec.key, partition, context.run.run_id)


def _reference(record: materializations.MaterializationRecord | None) -> str | None:
    """Return the version in a materialization's metadata, if there is one."""
    reference = record.event.metadata.get(metadata_keys.REFERENCE) if record else None
    return None if reference is None else str(reference.value)


def evaluation(
    reference: str,
    storage_id: int,
    verdicts: Sequence[RecordedVerdict],
    severity: Severity,
    settings: Settings,
) -> dict[str, Any]:
    """Return the arguments of a Dagster check evaluation: the result for the earliest stage.

    Args:
        reference: The version that was checked.
        storage_id: Its materialization.
        verdicts: One verdict for each distinct check settings, the earliest stage's first.
        severity: The severity of a failure.
        settings: The registry's settings, which have the base URL of its pages.
    """
    verdict, *further = verdicts
    found: dict[str, Any] = {
        # Dagster's target is the newest materialization, which need not be the one checked.
        metadata_keys.REFERENCE: reference,
        metadata_keys.DIGEST: verdict.digest,
        metadata_keys.STORAGE_ID: str(storage_id),
        **page_metadata(reference, settings),
        "details": dg.MetadataValue.json(dict(verdict.details)),
    }
    if verdict.settings:
        found["settings"] = dg.MetadataValue.json(dict(verdict.settings))
    if verdict.baseline_digest:
        found["pedigree/baseline_digest"] = verdict.baseline_digest
    if further:
        found["by the settings of later stages"] = dg.MetadataValue.json(
            [later.model_dump(mode="json", include=_LATER) for later in further]
        )
    return {
        "check_name": verdict.check,
        "passed": verdict.passed,
        "severity": dg.AssetCheckSeverity[severity.name],
        "description": verdict.summary,
        "metadata": found,
    }


_LATER = {"passed", "severity", "settings", "summary"}
