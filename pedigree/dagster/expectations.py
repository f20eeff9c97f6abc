"""A Great Expectations suite as an asset check, on the data a model is trained on.

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

from pedigree.dagster.inputs import AssetLike, key_of
from pedigree.errors import MissingDependencyError

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

Suite: TypeAlias = "Mapping[str, Any] | Callable[[], ExpectationSuite]"
"""``{"name": …, "expectations": [{"type": …, "kwargs": {…}}]}``, or what builds a suite later."""

_SHOWN = 20


def expectations_check(
    asset: AssetLike,
    suite: Suite,
    *,
    name: str = "expectations",
    blocking: bool = True,
) -> dg.AssetChecksDefinition:
    """Return a check that holds an asset's frame against a suite.

    Great Expectations costs seconds to import, so it is imported when the check runs, and a suite
    is a mapping or a function that builds one. Nothing is sent or written to files.

    Args:
        asset: The asset; its value must be a pandas frame.
        suite: The expectations.
        name: The check's name.
        blocking: A failure stops what follows in the same run, such as the training.
    """

    @dg.asset_check(asset=key_of(asset), name=name, blocking=blocking)
    def check(frame: Any) -> dg.AssetCheckResult:
        return validate(frame, suite)

    return check


def validate(frame: Any, suite: Suite) -> dg.AssetCheckResult:
    """Hold a pandas frame against a suite.

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
    failed = [_described(each) for each in result.results if not each.success]
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


def _described(result: Any) -> dict[str, Any]:
    configuration = result.expectation_config
    found = {"type": configuration.type, "kwargs": {}, "unexpected": None}
    for key, value in configuration.kwargs.items():
        if key != "batch_id":
            found["kwargs"][key] = value if isinstance(value, str | int | float) else repr(value)
    found["unexpected"] = result.result.get("unexpected_count")
    return found


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import; it would call home otherwise
    try:
        import great_expectations  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            "great_expectations is not installed",
            field="expectations_check",
            remedy="Run: pip install 'pedigree[expectations]'",
        ) from error
    return great_expectations
