"""A policy that requires one check, and a version to check."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.evaluation.records import Evaluation, GroupResult, Slice, Task
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import CheckRule, Policy, RecordedVerdict
from pedigree.registry import Registry
from tests.factories import register

Judge = Callable[..., RecordedVerdict]


def asking(*rules: CheckRule, stage: str = "candidate") -> Policy:
    """The default stages, one of which requires some checks and the others none."""
    policy = default_policy()
    stages = [
        each.model_copy(update={"checks": rules if each.name == stage else ()})
        for each in policy.stages
    ]
    return Policy(stages=tuple(stages))


def evaluation(
    task: Task = Task.BINARY, **slices: dict[str, tuple[int, dict[str, float]]]
) -> Evaluation:
    """An evaluation: slice → group → rows and metrics."""
    return Evaluation(
        task=task,
        overall=GroupResult(group="overall", count=1000),
        slices=tuple(
            Slice(
                name=name,
                groups=tuple(
                    GroupResult(group=group, count=count, metrics=metrics)
                    for group, (count, metrics) in groups.items()
                ),
            )
            for name, groups in slices.items()
        ),
    )


@pytest.fixture
def judge(registry: Registry, tmp_path: Path) -> Judge:
    """Judge a version by a check with some settings; `churn/1` unless another is named."""

    def run(check: str, reference: str = "churn/1", **settings: object) -> RecordedVerdict:
        rule = CheckRule(name=check, settings=settings)
        return registry.run_check(reference, check, rule=rule)

    register(registry, tmp_path)
    return run
