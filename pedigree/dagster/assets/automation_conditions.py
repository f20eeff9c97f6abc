"""When the consumers of a stage run again."""

from typing import Any

import dagster as dg

from pedigree.dagster.assets.names import MODEL_FOLDER


def promotion_condition() -> dg.AutomationCondition[Any]:
    """Return the condition for assets that use a stage: run when its holder's bytes change.

    A stage's data version is its holder's digest, so a promotion or a rollback runs them and a
    stage that is only said again does not. ``AutomationCondition.eager()`` would run them for both.
    Other inputs do not: see :func:`input_condition`.
    """
    # A wildcard also takes the stages of other locations, and key_prefixes() would be a beta of it.
    models = dg.AssetSelection.from_string(f'key:"{MODEL_FOLDER}/*"')
    return _runs_when(_changed().allow(models), "a stage's version changed")


def input_condition() -> dg.AutomationCondition[Any]:
    """Return the condition for assets that run when any input's data version changes."""
    return _runs_when(_changed(), "an input changed")


def _changed() -> Any:
    return dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())


def _runs_when(changed: Any, label: str) -> dg.AutomationCondition[Any]:
    condition = dg.AutomationCondition
    # Not since_last_handled(): to that, a run that ended in the very interval in which the input
    # changed once more has handled both, and the second change is lost. So only a request counts,
    # and only one that no newer change came with; at worst an asset runs once too often.
    runs: Any = (
        changed.since(condition.newly_requested() & ~changed)
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    )
    labelled: dg.AutomationCondition[Any] = runs.with_label(label)
    return labelled
