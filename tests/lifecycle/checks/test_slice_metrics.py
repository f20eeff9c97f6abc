from pathlib import Path

import pytest

from pedigree.errors import InvalidPolicyError
from pedigree.evaluation.records import Evaluation
from pedigree.lifecycle.checks import CHECKS
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.lifecycle.checks.conftest import Judge, evaluation

CHECK = "slice_metrics"


def by_plan(basic: float, pro: float, tiny: float = 0.0) -> Evaluation:
    groups = {"basic": (500, basic), "pro": (480, pro), "tiny": (20, tiny)}
    return evaluation(
        plan={name: (count, {"accuracy": value}) for name, (count, value) in groups.items()}
    )


def test_each_group_must_keep_the_limits(registry: Registry, judge: Judge) -> None:
    registry.set_evaluation("churn/1", by_plan(0.9, 0.75))
    for settings, said in (
        ({"at_least": 0.7}, None),
        ({"at_least": 0.8}, "accuracy is 0.75 where plan is pro, below 0.8"),
        ({"at_most": 0.8}, "accuracy is 0.9 where plan is basic, above 0.8"),
        ({"largest_gap": 0.2}, None),
        ({"largest_gap": 0.1}, "accuracy differs by 0.15 among groups of plan, above 0.1"),
        ({"at_least": 0.7, "smallest_group": 10}, "accuracy is 0 where plan is tiny, below 0.7"),
        ({"at_least": 0.7, "slices": ["plan"]}, None),
        ({"at_least": 0.7, "slices": ["region"]}, "its evaluation has no slice region"),
    ):
        verdict = judge(CHECK, metric="accuracy", **settings)
        assert verdict.passed is (said is None), settings
        assert said is None or verdict.summary == said
        assert not verdict.relative


def test_without_an_evaluation_it_fails_and_says_so(registry: Registry, judge: Judge) -> None:
    assert "it has no evaluation" in judge(CHECK, metric="accuracy", at_least=0.5).summary
    registry.set_evaluation("churn/1", by_plan(0.9, 0.75))
    verdict = judge(CHECK, metric="roc_auc", at_least=0.5)
    assert verdict.summary == "roc_auc is not known for any group of plan with 30 rows"


def test_a_group_may_not_be_worse_than_the_champion_s(
    registry: Registry, tmp_path: Path, judge: Judge
) -> None:
    settings = {"metric": "accuracy", "tolerance": 0.02}
    registry.set_evaluation("churn/1", by_plan(0.9, 0.75, tiny=0.9))
    assert judge(CHECK, **settings).baseline_digest is None
    registry.set_policy("churn", free_policy())
    registry.promote("churn/1", "production")
    other = register(registry, tmp_path, "other")
    registry.set_evaluation(other, by_plan(0.95, 0.7))
    verdict = judge(CHECK, other, **settings)
    assert verdict.summary == "accuracy is 0.7 where plan is pro, and was 0.75"
    assert (verdict.relative, verdict.baseline_digest) == (True, registry.get("churn/1").digest)
    registry.set_evaluation(other, by_plan(0.89, 0.75))
    assert judge(CHECK, other, **settings).passed


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metric": "accuracy"}, "give at_least, at_most"),
        ({"metric": "nonsense", "at_least": 1}, "not measured by group"),
        ({"metric": "selection_rate", "tolerance": 0.1}, "neither better nor worse"),
        ({"metric": "accuracy", "at_least": 1, "group": "x"}, "not permitted"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidPolicyError, match=said):
        CHECKS[CHECK].read(settings)
