"""How clients of MLflow see the stages of a policy."""

from collections.abc import Iterable
from typing import NamedTuple

from pedigree.catalog.names import name_key
from pedigree.lifecycle.records import NO_STAGE, Policy
from pedigree.lifecycle.stage_names import MlflowStage


class StagedVersion(NamedTuple):
    """The number of a version, with its stage."""

    version: int
    stage: str


def shown_stage(policy: Policy, stage: str) -> MlflowStage:
    """Return the stage of MLflow that clients see instead of a stage.

    The rule of the stage names it. Without that it is the one of the same name, in any case; for
    other stages, and for ``none``, it is ``None``.
    """
    rule = policy.rule(stage)
    if rule is not None and rule.mlflow is not None:
        return rule.mlflow
    key = name_key(stage)
    return next((each for each in MlflowStage if name_key(each) == key), MlflowStage.NONE)


def stage_asked_for(policy: Policy, shown: MlflowStage) -> str | None:
    """Return the stage of a policy that a client of MLflow asks for; None if it has none.

    Where several stages are shown as one, it is the one of the same name, or else the first.
    """
    if shown is MlflowStage.NONE:
        return NO_STAGE
    names = [rule.name for rule in policy.stages if shown_stage(policy, rule.name) is shown]
    same = [name for name in names if name_key(name) == name_key(shown)]
    return next(iter([*same, *names]), None)


def newest_shown(policy: Policy, versions: Iterable[StagedVersion]) -> dict[MlflowStage, int]:
    """Return the highest version of each stage as clients of MLflow see them.

    Args:
        policy: The model's policy.
        versions: The highest version of each of its stages, and of none.
    """
    found: dict[MlflowStage, int] = {}
    for version, stage in versions:
        shown = shown_stage(policy, stage)
        found[shown] = max(version, found.get(shown, version))
    return found
