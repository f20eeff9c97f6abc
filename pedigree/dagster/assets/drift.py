"""Drift as an asset: each partition of what is served, held against what production learnt from.

::

    @drift_asset(model=flight_delay, serving=flights)
    def flight_delay_drift(flights: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
        return features_of(flights).assign(expected_delay=scores["expected_delay"])

The function returns the columns that the model was given and what it said. It may return an ibis
table as well, which is then profiled by the engine that holds it.
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
from pedigree.dagster.assets.model_spec import ModelLike, ModelLine, line_of
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.inputs import source_of
from pedigree.dagster.capture.run_provenance import RunProvenance, provenance_of
from pedigree.dagster.checks.expectations import Suite, describe_suite, validate
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.errors import InvalidInputError, ModelNotFoundError, NotFoundError
from pedigree.monitoring.records import ColumnDrift, DriftRule, Expectations, RecordedDrift
from pedigree.registry import Registry

ServedFunction = Callable[..., Any]
# Parameters that the decorator adds to the function's own.
_OURS = ("context", "config", "registry")


class DriftConfig(dg.Config):
    """Which version the data is held against."""

    version: int | None = Field(
        default=None, description="The version; the holder of the stage that is watched when unset"
    )


def drift_asset(
    *,
    model: ModelLike,
    serving: AssetLike,
    expectations: Mapping[str, Suite] | None = None,
    **options: Unpack[ModelAssetOptions],
) -> Callable[[ServedFunction], dg.AssetsDefinition]:
    """Make an asset of a function that returns what a model was given, and what it said.

    Each partition is compared with the profile of the training data by the rule of the model's
    policy; what was found is kept in the registry, with a report in the object store.

    Args:
        model: The model that is watched.
        serving: The asset that it is given: it lends its partitions, and results name it.
        expectations: Suites of Great Expectations by name; each is a check of the asset.
        options: What ``@dg.asset`` takes too.

    Raises:
        InvalidInputError: The model is none or many, or the function has a parameter that is ours.
    """
    if isinstance(model, dg.AssetsDefinition) and model.partitions_def is not None:
        raise InvalidInputError(
            "makes a model of each partition, so it does not say which one is watched",
            field="model",
            value=sorted(key.to_user_string() for key in model.keys),
            remedy="Give the registered model's name, such as 'churn-de'",
        )
    source = source_of(serving)
    options.setdefault("partitions_def", source.partitions_def)  # type: ignore[typeddict-item]  # None is none
    watch = functools.partial(_make, line_of(model), source.key, dict(expectations or {}))
    return lambda function: watch(function, options)


def _make(
    line: ModelLine,
    serving: dg.AssetKey,
    suites: dict[str, Suite],
    function: ServedFunction,
    options: ModelAssetOptions,
) -> dg.AssetsDefinition:
    key = dg.AssetKey(function.__name__)
    own = inspect.signature(function, eval_str=True)
    if taken := [name for name in own.parameters if name in _OURS]:
        raise InvalidInputError(
            "is a parameter that the drift asset needs for itself",
            field=function.__name__,
            value=taken,
            remedy="Take the assets as parameters, and nothing else",
        )

    def measure(
        context: dg.AssetExecutionContext,
        config: DriftConfig,
        registry: RegistryResource,
        **inputs: Any,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        step = _DriftStep(context, registry.connect(), line, serving, config)
        yield from step.measure(function(**inputs), suites)

    parameters = list(inspect.signature(measure).parameters.values())[: len(_OURS)]
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
    """One partition's comparison."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        registry: Registry,
        line: ModelLine,
        serving: dg.AssetKey,
        config: DriftConfig,
    ) -> None:
        self._context = context
        self._registry = registry
        self._serving = serving
        self._provenance: RunProvenance = provenance_of(context, context.asset_key)
        self._partition = _partition_of(context)
        self._version = self._watched(line, config)

    def measure(
        self, data: Any, suites: Mapping[str, Suite]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Run the suites, and compare with the version where there is one."""
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

    def _watched(self, line: ModelLine, config: DriftConfig) -> ModelVersion | None:
        if config.version is not None:
            return self._registry.get(f"{line.name}/{config.version}")
        holder = watched_version(self._registry, line.name)
        if holder is None:
            self._context.log.info(
                f"no version of {line.name} holds its stage, so there is nothing to compare with"
            )
        return holder


def _partition_of(context: dg.AssetExecutionContext) -> str | None:
    """Return the partition of a run; a range of one is how a job of many assets names it.

    Raises:
        InvalidInputError: The run is of several partitions, each of which has its own result.
    """
    if not context.has_partition_key and not context.has_partition_key_range:
        return None
    partitions: Sequence[str] = context.partition_keys
    if len(partitions) > 1:
        raise InvalidInputError(
            "one run is to compare several partitions, and each has a result of its own",
            field="partitions",
            value=list(partitions),
            remedy="Launch one run per partition, as a backfill does by itself",
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
            failed=tuple(each["type"] for each in failed),
        )
        yield result._replace(check_name=name), expectations


def watched_version(registry: Registry, name: str) -> ModelVersion | None:
    """Return who holds the stage in which a model's policy watches for drift, if anybody."""
    try:
        return registry.holder(name, (registry.policy(name).drift or DriftRule()).stage)
    except ModelNotFoundError:
        return None  # never trained yet


def describe_drift(registry: Registry, found: RecordedDrift) -> dict[str, Any]:
    """Return the metadata by which an event tells of a result; the distances are plotted."""
    try:
        html, _ = registry.operations.monitoring.drift_report(found)
    except NotFoundError:
        html = f"pedigree://blobs/{found.html}"
    columns = found.comparison.columns
    return {
        metadata_keys.REFERENCE: found.reference,
        metadata_keys.DRIFT_ID: str(found.drift_id),
        metadata_keys.PARTITION: found.partition or "",
        metadata_keys.BASELINE: f"{found.baseline_name} ({found.baseline})",
        metadata_keys.COLUMNS: dg.MetadataValue.json(
            [each.column for each in columns if each.drifted]
        ),
        metadata_keys.REPORT: dg.MetadataValue.url(html)
        if "://" in html
        else dg.MetadataValue.path(html),
        "found": dg.MetadataValue.md(_summary(found)),
        "dagster/row_count": found.rows,
        **{f"distance/{each.column}": dg.MetadataValue.float(each.distance) for each in columns},
        **{f"psi/{each.column}": dg.MetadataValue.float(each.psi) for each in columns},
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
