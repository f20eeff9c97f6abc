"""Automation conditions for assets that consume a stage."""

from typing import Any

import dagster as dg

from pedigree.dagster.assets.names import MODEL_FOLDER


def promotion_condition() -> dg.AutomationCondition[Any]:
    """Return the condition for assets that use a stage: run when the digest of its version changes.

    A stage's data version is the digest of the version in it. So a promotion or a rollback runs
    the assets, and a materialization that moves nothing does not. ``AutomationCondition.eager()``
    would run them for both. Changes of other inputs do not count: see :func:`input_condition`.
    """
    # A wildcard also selects the stages of other locations; key_prefixes() is still beta.
    models = dg.AssetSelection.from_string(f'key:"{MODEL_FOLDER}/*"')
    return _runs_when(_changed().allow(models), "a stage's version changed")


def input_condition() -> dg.AutomationCondition[Any]:
    """Return the condition for assets that run when any input's data version changes."""
    return _runs_when(_changed(), "an input changed")


def _changed() -> Any:
    return dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())


def _runs_when(changed: Any, label: str) -> dg.AutomationCondition[Any]:
    condition = dg.AutomationCondition
    # Not since_last_handled(): if a run ends in the same interval in which the input changes
    # again, it counts both changes as handled, and the second one is lost. So only a request
    # counts, and only one without a newer change; at worst an asset runs once too often.
    runs: Any = (
        changed.since(condition.newly_requested() & ~changed)
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    )
    labeled: dg.AutomationCondition[Any] = runs.with_label(label)
    return labeled
