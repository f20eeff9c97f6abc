"""Whether a higher value of a metric is better: known from the policy, and else not known."""

from collections.abc import Mapping
from enum import StrEnum

from pedigree.lifecycle.records import Policy


class MetricJudgement(StrEnum):
    """What a change of a metric means."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNKNOWN = "not known"


def directions(policy: Policy) -> Mapping[str, bool]:
    """Return whether higher is better, for each metric of which the policy says it.

    A rule that contradicts another one makes the direction unknown.
    """
    found: dict[str, set[bool]] = {}
    if policy.champion_metric is not None:
        rule = policy.champion_metric
        found.setdefault(rule.metric, set()).add(rule.higher_is_better)
    for gate in (gate for stage in policy.stages for gate in stage.metrics):
        known = found.setdefault(gate.metric, set())
        if gate.against_champion:
            known.add(gate.higher_is_better)
        if gate.at_least is not None and gate.at_most is None:
            known.add(True)
        if gate.at_most is not None and gate.at_least is None:
            known.add(False)
    return {metric: known.pop() for metric, known in found.items() if len(known) == 1}


def judged(delta: float | None, higher_is_better: bool | None) -> MetricJudgement:
    """Return what a difference means.

    >>> judged(-0.06, False), judged(0.1, None)
    (<MetricJudgement.BETTER: 'better'>, <MetricJudgement.UNKNOWN: 'not known'>)
    """
    if delta is None:
        return MetricJudgement.UNKNOWN
    if delta == 0:
        return MetricJudgement.SAME
    if higher_is_better is None:
        return MetricJudgement.UNKNOWN
    return MetricJudgement.BETTER if (delta > 0) is higher_is_better else MetricJudgement.WORSE
