"""Great Expectations suites as asset checks on training data.

The registry stores the result for exactly the data that was checked. The check
``training_data_expectations`` of each version that was trained on it refers to the result.

::

    complete = expectations_check(
        raw_customers,
        {"name": "customers", "expectations": [
            {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "churned"}},
        ]},
    )
"""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg
from pydantic import JsonValue

from pedigree._storable import storable
from pedigree.dagster import metadata_keys
from pedigree.dagster.asset_keys import AssetLike, key_of
from pedigree.dagster.capture import event_log, materializations
from pedigree.dagster.capture.run_provenance import actor_of, partition_of
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.datasets.records import DataState, DataVerdict
from pedigree.libraries import library
from pedigree.lifecycle.records import Severity

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

Suite: TypeAlias = "Mapping[str, Any] | Callable[[], ExpectationSuite]"
"""``{"name": …, "expectations": [{"type": …, "kwargs": {…}}]}``, or a function that builds one."""

_SHOWN = 20


def expectations_check(
    asset: AssetLike,
    suite: Suite,
    *,
    name: str = "expectations",
    blocking: bool = True,
    severity: Severity = Severity.ERROR,
) -> dg.AssetChecksDefinition:
    """Return a check that validates an asset's frame with a suite.

    Importing Great Expectations takes seconds, so only the run of the check imports it, and a suite
    is a mapping or a function that builds one. Nothing is sent or written to files.

    Args:
        asset: The asset; its value must be a pandas frame.
        suite: The expectations.
        name: The check's name.
        blocking: Whether a failure stops downstream assets in the same run, such as the training.
        severity: The severity of a failure; a warning stops nothing.
    """
    key = key_of(asset)

    @dg.asset_check(asset=key, name=name, blocking=blocking, description=describe_suite(suite))
    def check(
        context: dg.AssetCheckExecutionContext, registry: RegistryResource, frame: Any
    ) -> dg.AssetCheckResult:
        result = validate(frame, suite)
        partition = partition_of(context, key)
        state = _state(context.instance, key, partition, context.run.run_id)
        client = registry.connect()
        client.record_data_verdict(
            DataVerdict(
                **state.model_dump(),
                check=name,
                passed=result.passed,
                severity=severity.value,
                summary=str(result.description),
                details=_plain(result.metadata),
                run_id=context.run.run_id,
            ),
            actor=client.actor(actor_of(context.run.tags)),
        )
        return result._replace(severity=dg.AssetCheckSeverity[severity.name])

    return check


def describe_suite(suite: Suite) -> str:
    """Return a description of a suite's expectations, without building it."""
    if callable(suite):
        return f"The data meets the expectations that {suite.__qualname__} builds."
    expected = [_short(expectation) for expectation in suite.get("expectations", ())]
    more = f" and {len(expected) - _SHOWN} more" if len(expected) > _SHOWN else ""
    return f"The data meets the suite {suite['name']}: {'; '.join(expected[:_SHOWN])}{more}."


def validate(frame: Any, suite: Suite) -> dg.AssetCheckResult:
    """Validate a pandas frame with a suite.

    Raises:
        MissingDependencyError: Great Expectations is not installed.
    """
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("frames")
        .add_dataframe_asset("frame")
        .add_batch_definition_whole_dataframe("whole")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    expected = suite() if callable(suite) else gx.ExpectationSuite(**suite)
    result = batch.validate(expected)
    failed = [_failure(outcome) for outcome in result.results if not outcome.success]
    total = len(result.results)
    return dg.AssetCheckResult(
        passed=bool(result.success),
        description=f"{total - len(failed)} of {total} expectations are met on {len(frame)} rows",
        metadata={
            "rows": len(frame),
            "expectations": total,
            "failed": dg.MetadataValue.json(failed[:_SHOWN]),
        },
    )


def _state(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, run_id: str
) -> DataState:
    """Return the state of the data that a run checks: its own output, or else the newest."""
    written = materializations.of_run(instance, key, partition, run_id)
    if written is None:  # a source asset has only observations
        newest = event_log.latest(instance, key, [partition] if partition else None)
        observed = next(iter(newest.values()), None)
        return DataState(
            asset=key.to_user_string(),
            partition=partition,
            storage_id=observed.storage_id if observed else None,
            materialized_by=observed.run_id if observed else None,
        )
    tags = written.event.tags or {}
    # A version that Dagster computed does not depend on the content.
    depends_on_content = tags.get(metadata_keys.DATA_VERSION_GIVEN) == "true"
    return DataState(
        asset=key.to_user_string(),
        partition=partition,
        storage_id=written.storage_id,
        materialized_by=written.run_id,
        data_version=tags.get(metadata_keys.DATA_VERSION) if depends_on_content else None,
    )


def _plain(found: Mapping[str, Any]) -> dict[str, JsonValue]:
    return storable({name: value.value for name, value in found.items()})


def _short(expectation: Mapping[str, Any]) -> str:
    arguments = expectation.get("kwargs", {}).items()
    text = ", ".join(f"{name} {value}" for name, value in arguments)
    return f"{str(expectation['type']).removeprefix('expect_')} ({text})"


def _failure(result: Any) -> dict[str, Any]:
    configuration = result.expectation_config
    found = {"type": configuration.type, "kwargs": {}, "unexpected": None}
    for key, value in configuration.kwargs.items():
        if key != "batch_id":
            found["kwargs"][key] = value if isinstance(value, str | int | float) else repr(value)
    found["unexpected"] = result.result.get("unexpected_count")
    return found


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import; otherwise it sends usage data
    return library("great_expectations", extra="expectations")
