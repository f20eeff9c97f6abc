"""Drift assets: compare each partition of the serving data with production's training data.

::

    @drift_asset(model=flight_delay, serving=flights)
    def flight_delay_drift(flights: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
        return features_of(flights).assign(expected_delay=scores["expected_delay"])

The function returns the model's input columns and its predictions. It may return an ibis table,
which its own engine then profiles.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Unpack

import dagster as dg
from pydantic import Field

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import metadata_keys
from pedigree.dagster.asset_keys import AssetLike
from pedigree.dagster.assets.decorator import ModelAssetOptions
from pedigree.dagster.assets.model_spec import ModelLike, ModelSpec, model_spec_of
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.inputs import source_of
from pedigree.dagster.capture.run_provenance import RunProvenance, provenance_of
from pedigree.dagster.checks.expectations import Suite, describe_suite, validate
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.dagster.version_pages import page_metadata
from pedigree.errors import InvalidInputError, ModelNotFoundError, NotFoundError
from pedigree.monitoring.records import ColumnDrift, DriftRule, Expectations, RecordedDrift
from pedigree.registry import Registry

ServedFunction = Callable[..., Any]
# Parameters that the decorator adds to those of the function.
_RESERVED_PARAMETERS = ("context", "config", "registry")


class DriftConfig(dg.Config):
    """The version to compare the data with."""

    version: int | None = Field(
        default=None, description="The version; the one in the monitored stage when unset"
    )


def drift_asset(
    *,
    model: ModelLike,
    serving: AssetLike,
    expectations: Mapping[str, Suite] | None = None,
    **options: Unpack[ModelAssetOptions],
) -> Callable[[ServedFunction], dg.AssetsDefinition]:
    """Make an asset from a function that returns a model's inputs and its predictions.

    Each partition is compared with the profile of the training data by the rule of the model's
    policy. The registry stores the result, and the object store a report.

    Args:
        model: The monitored model.
        serving: The asset with the model's inputs: the drift asset takes its partitions, and
            results name it.
        expectations: Suites of Great Expectations by name; each becomes a check of the asset.
        options: Arguments of ``@dg.asset``.

    Raises:
        InvalidInputError: The asset makes no model or several, or the function has a parameter
            with a reserved name.
    """
    if isinstance(model, dg.AssetsDefinition) and model.partitions_def is not None:
        raise InvalidInputError(
            "makes one model per partition, so the monitored model is ambiguous",
            field="model",
            value=sorted(key.to_user_string() for key in model.keys),
            remedy="Pass the registered model's name, such as 'churn-de'",
        )
    source = source_of(serving)
    options.setdefault("partitions_def", source.partitions_def)  # type: ignore[typeddict-item]  # None is none
    watch = functools.partial(_make, model_spec_of(model), source.key, dict(expectations or {}))
    return lambda function: watch(function, options)


def _make(
    model_spec: ModelSpec,
    serving: dg.AssetKey,
    suites: dict[str, Suite],
    function: ServedFunction,
    options: ModelAssetOptions,
) -> dg.AssetsDefinition:
    key = dg.AssetKey(function.__name__)
    own = inspect.signature(function, eval_str=True)
    if taken := [name for name in own.parameters if name in _RESERVED_PARAMETERS]:
        raise InvalidInputError(
            "is a parameter name that the drift asset reserves",
            field=function.__name__,
            value=taken,
            remedy="Take only assets as parameters",
        )

    def measure(
        context: dg.AssetExecutionContext,
        config: DriftConfig,
        registry: RegistryResource,
        **inputs: Any,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        step = _DriftStep(context, registry.connect(), model_spec, serving, config)
        yield from step.measure(function(**inputs), suites)

    parameters = list(inspect.signature(measure).parameters.values())[: len(_RESERVED_PARAMETERS)]
    measure.__signature__ = inspect.Signature([*parameters, *own.parameters.values()])  # type: ignore[attr-defined]  # inspect reads it, typeshed does not know it
    described: dict[str, Any] = {
        "description": inspect.getdoc(function),
        "kinds": {"drift"},
        **options,
    }
    make = dg.asset(
        key=key,
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=describe_suite(suite))
            for name, suite in suites.items()
        ],
        output_required=False,
        **described,
    )
    made: dg.AssetsDefinition = make(measure)
    return made


class _DriftStep:
    """The comparison of one partition."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        registry: Registry,
        model_spec: ModelSpec,
        serving: dg.AssetKey,
        config: DriftConfig,
    ) -> None:
        self._context = context
        self._registry = registry
        self._serving = serving
        self._provenance: RunProvenance = provenance_of(context, context.asset_key)
        self._partition = _partition_of(context)
        self._version = self._monitored(model_spec, config)

    def measure(
        self, data: Any, suites: Mapping[str, Suite]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Run the suites, and compare with the monitored version if there is one."""
        checks = list(_run_suites(data, suites))
        if self._version is None:
            yield from (result for result, _ in checks)
            return
        found = self._registry.measure_drift(
            self._version.reference,
            data,
            asset=self._serving.to_user_string(),
            partition=self._partition,
            data_version=self._data_version(),
            expectations=[expectations for _, expectations in checks],
            run_id=self._provenance.run_id,
            actor=self._registry.actor(self._provenance.actor),
        )
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(found.profile.digest),
            metadata=describe_drift(self._registry, found),
            check_results=[result for result, _ in checks],
        )

    def _data_version(self) -> str | None:
        partitions = [self._partition] if self._partition else None
        served = event_log.latest(self._context.instance, self._serving, partitions)
        return next((event.data_version for event in served.values()), None)

    def _monitored(self, model_spec: ModelSpec, config: DriftConfig) -> ModelVersion | None:
        if config.version is not None:
            return self._registry.get(f"{model_spec.name}/{config.version}")
        holder = monitored_version(self._registry, model_spec.name)
        if holder is None:
            self._context.log.info(
                f"no version of {model_spec.name} is in the monitored stage, so nothing is compared"
            )
        return holder


def _partition_of(context: dg.AssetExecutionContext) -> str | None:
    """Return the partition of a run; in a job of many assets it is a range of one partition.

    Raises:
        InvalidInputError: The run has several partitions, and each has its own result.
    """
    if not context.has_partition_key and not context.has_partition_key_range:
        return None
    partitions: Sequence[str] = context.partition_keys
    if len(partitions) > 1:
        raise InvalidInputError(
            "one run would compare several partitions, and each has its own result",
            field="partitions",
            value=list(partitions),
            remedy="Launch one run per partition, as a backfill does",
        )
    return partitions[0]


def _run_suites(
    data: Any, suites: Mapping[str, Suite]
) -> Iterator[tuple[dg.AssetCheckResult, Expectations]]:
    frame = data.to_pandas() if suites and hasattr(data, "to_pandas") else data
    for name, suite in suites.items():
        result = validate(frame, suite)
        total = int(str(result.metadata["expectations"].value))
        failed: Any = result.metadata["failed"].value
        expectations = Expectations(
            suite=name,
            passed=result.passed,
            met=total - len(failed),
            total=total,
            failed=tuple(failure["type"] for failure in failed),
        )
        yield result._replace(check_name=name), expectations


def monitored_version(registry: Registry, name: str) -> ModelVersion | None:
    """Return the version in the stage that a model's policy monitors for drift, if any."""
    try:
        return registry.holder(name, (registry.policy(name).drift or DriftRule()).stage)
    except ModelNotFoundError:
        return None  # never trained yet


def describe_drift(registry: Registry, found: RecordedDrift) -> dict[str, Any]:
    """Return the metadata of the event for a result; Dagster plots the distances."""
    try:
        html, _ = registry.operations.monitoring.drift_report(found)
    except NotFoundError:
        html = f"pedigree://blobs/{found.html}"
    columns = found.comparison.columns
    return {
        metadata_keys.REFERENCE: found.reference,
        **page_metadata(found.reference, registry.settings),
        metadata_keys.DRIFT_ID: str(found.drift_id),
        metadata_keys.PARTITION: found.partition or "",
        metadata_keys.BASELINE: f"{found.baseline_name} ({found.baseline})",
        metadata_keys.COLUMNS: dg.MetadataValue.json(
            [column.column for column in columns if column.drifted]
        ),
        metadata_keys.REPORT: dg.MetadataValue.url(html)
        if "://" in html
        else dg.MetadataValue.path(html),
        "found": dg.MetadataValue.md(_summary(found)),
        "dagster/row_count": found.rows,
        **{f"distance/{c.column}": dg.MetadataValue.float(c.distance) for c in columns},
        **{f"psi/{c.column}": dg.MetadataValue.float(c.psi) for c in columns},
    }


def _summary(found: RecordedDrift) -> str:
    head = "| column | PSI | Jensen-Shannon | KS / V | alarm |\n|---|---|---|---|---|\n"
    rows = "\n".join(_row(column) for column in found.comparison.columns)
    return f"**{found.verdict}**\n\n{head}{rows}"


def _row(column: ColumnDrift) -> str:
    alarm = "; ".join(column.reasons) or "no"
    return (
        f"| {column.column} | {column.psi:.3f} | {column.jensen_shannon:.3f}"
        f" | {column.distance:.3f} | {alarm} |"
    )
