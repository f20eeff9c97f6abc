import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.errors import InvalidPolicyError
from pedigree.evaluation.measure import evaluate
from pedigree.evaluation.records import Task
from pedigree.lifecycle.checks import CHECKS, fairness
from pedigree.registry import Registry
from tests.lazy import lazy
from tests.lifecycle.checks.conftest import Judge, evaluation

fairlearn = lazy("fairlearn")

CHECK = "fairness"
# truth and decision of each row; every group has rows of both kinds, so all its rates are known
ROWS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12).map(
    lambda rows: [*rows, (True, True), (False, True)]
)


@settings(max_examples=10, deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), ROWS, min_size=2))
def test_differences_are_those_of_fairlearn(groups: dict[str, list[tuple[bool, bool]]]) -> None:
    rows = [(group, *row) for group, of in groups.items() for row in of]
    frame = pd.DataFrame(rows, columns=["group", "truth", "said"])
    (by_group,) = evaluate(frame["truth"], frame["said"], frame[["group"]]).slices
    assert sum(each.count for each in by_group.groups) == len(rows)
    for measure in ("demographic_parity_difference", "equalized_odds_difference"):
        theirs = getattr(fairlearn.metrics, measure)(
            frame["truth"], frame["said"], sensitive_features=frame["group"]
        )
        assert getattr(fairness, measure)(by_group) == pytest.approx(theirs)
    ratio = fairlearn.metrics.demographic_parity_ratio(
        frame["truth"], frame["said"], sensitive_features=frame["group"]
    )
    assert fairness.demographic_parity_ratio(by_group) == pytest.approx(ratio)


def rates(selected: float, hit: float | None, missed: float = 0.1) -> dict[str, float]:
    known = {"selection_rate": selected, "false_positive_rate": missed}
    return known if hit is None else known | {"true_positive_rate": hit}


def test_groups_may_differ_within_a_limit(registry: Registry, judge: Judge) -> None:
    people = {"f": (100, rates(0.3, 0.8)), "m": (100, rates(0.5, 0.75)), "x": (5, rates(1, 0))}
    registry.set_evaluation("churn/1", evaluation(sex=people))
    wide = judge(CHECK, slices=["sex"], demographic_parity_difference=0.25)
    assert wide.passed
    assert wide.details["measured"] == {"sex": {"demographic_parity_difference": 0.2}}
    narrow = judge(CHECK, slices=["sex"], demographic_parity_difference=0.1)
    assert narrow.summary == "demographic parity difference of sex is 0.2, above 0.1"
    ratio = judge(CHECK, slices=["sex"], demographic_parity_ratio=0.8)
    assert ratio.summary == "demographic parity ratio of sex is 0.6, below 0.8"
    assert judge(CHECK, slices=["sex"], equalized_odds_difference=0.06).passed
    small = judge(CHECK, slices=["sex"], equalized_odds_difference=0.06, smallest_group=5)
    assert not small.passed


def test_unknown_values_are_not_fair(registry: Registry, judge: Judge) -> None:
    settings = {"slices": ["sex"], "equalized_odds_difference": 0.5}
    assert "it has no evaluation" in judge(CHECK, **settings).summary
    people = {"f": (100, rates(0.3, None)), "m": (100, rates(0.5, 0.75))}
    registry.set_evaluation("churn/1", evaluation(sex=people))
    assert "is not known" in judge(CHECK, **settings).summary
    registry.set_evaluation("churn/1", evaluation(Task.REGRESSION, sex=people))
    assert "its task is regression" in judge(CHECK, **settings).summary
    registry.set_evaluation("churn/1", evaluation(age=people))
    assert judge(CHECK, **settings).summary == "its evaluation has no slice sex"


@pytest.mark.parametrize(
    "settings", [{"slices": ["sex"]}, {"demographic_parity_difference": 0.1}, {}]
)
def test_groups_and_a_limit_must_be_named(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidPolicyError):
        CHECKS[CHECK].read(settings)
