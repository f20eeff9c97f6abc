"""A policy in words: what each stage asks for, who moves versions there, what a change changed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.metric_gate import MetricGate
from pedigree.lifecycle.records import (
    ARCHIVED,
    NO_STAGE,
    CheckRule,
    Policy,
    Severity,
    StageRule,
)
from pedigree.server.web.words import number, plural, span, worded


class StageWords(NamedTuple):
    """The rule of a stage in words.

    Attributes:
        name: The stage.
        after: The stages from which it is entered.
        asks: What it asks for, one phrase each.
        checks: The checks that must pass; those that only warn say so.
        mover: Who moves a version there.
    """

    name: str
    after: tuple[str, ...]
    asks: tuple[str, ...]
    checks: tuple[str, ...]
    mover: str

    @property
    def entered_from(self) -> str:
        """From where it is entered, in words."""
        names = dict.fromkeys("no stage" if each == NO_STAGE else each for each in self.after)
        return " or ".join(names)

    def phrases(self) -> frozenset[str]:
        """Return all that it says, to compare two revisions."""
        entered = f"entered from {self.entered_from}"
        return frozenset(
            (entered, self.mover, *self.asks, *(f"check {each}" for each in self.checks))
        )


def policy_words(policy: Policy) -> tuple[StageWords, ...]:
    """Return the stages of a policy in words, without the archive."""
    return tuple(_stage(rule) for rule in policy.stages if rule.name != ARCHIVED)


def other_rules(policy: Policy) -> tuple[str, ...]:
    """Return in words what a policy says besides its stages."""
    said = []
    if policy.champion_metric is not None:
        rule = policy.champion_metric
        way = "higher" if rule.higher_is_better else "lower"
        slack = f", {number(rule.tolerance)} worse is still no regression" if rule.tolerance else ""
        said.append(f"the headline metric is {rule.metric}, {way} is better{slack}")
    if policy.drift is not None:
        said.append(f"drift is watched in {policy.drift.stage}")
    if policy.retention is not None:
        said.extend(_retention(policy.retention.keep_production, policy.retention.window))
    said.extend(_registration(policy))
    said.extend(
        f"the alias {alias} names a version in {stage} alone"
        for alias, stage in policy.aliases.items()
    )
    if policy.back_to_none:
        said.append("a version may leave its stage for no stage")
    if policy.delete_held:
        said.append("deleting a version ends its stage and its aliases")
    if policy.editors:
        said.append(f"changed by {', '.join(policy.editors)} alone")
    return tuple(said)


class PolicyChange(NamedTuple):
    """What a revision of a policy says that the one before did not, and the other way around."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def policy_change(before: Policy | None, after: Policy) -> PolicyChange:
    """Return the difference of two revisions in words; all is added in the first one."""
    new, old = _phrases(after), _phrases(before) if before is not None else frozenset()
    return PolicyChange(tuple(sorted(new - old)), tuple(sorted(old - new)))


def _phrases(policy: Policy) -> frozenset[str]:
    stages = (
        f"{stage.name}: {phrase}" for stage in policy_words(policy) for phrase in stage.phrases()
    )
    return frozenset((*stages, *other_rules(policy)))


def _stage(rule: StageRule) -> StageWords:
    checks = tuple(map(_check, rule.checks))
    return StageWords(rule.name, rule.after, tuple(_asks(rule)), checks, _mover(rule))


def _registration(policy: Policy) -> Iterator[str]:
    if policy.registration:
        names = ", ".join(map(_check, policy.registration))
        yield f"before a version of MLflow's clients can be loaded, it passes {names}"


def _check(rule: CheckRule) -> str:
    return worded(rule.name) + (" (warns)" if rule.severity is Severity.WARN else "")


def _asks(rule: StageRule) -> Iterator[str]:
    if rule.approvals is not None:
        yield from _approvals(rule.approvals)
    for metric in rule.metrics:
        yield from _metric(metric)
    if rule.metadata:
        yield f"has {', '.join(rule.metadata)}"
    if rule.checks:
        yield f"{plural(rule.checks, 'check')} passed"
    if rule.verified:
        yield "its saved bytes predict as the model did"
    if rule.soak is not None:
        yield f"{span(rule.soak)} in the stage before"
    if rule.exclusive:
        yield "one version at a time"
    if rule.mlflow is not None:
        yield f"MLflow's clients see the stage {rule.mlflow}"


def _approvals(rule: ApprovalRule) -> Iterator[str]:
    by = f" by {', '.join(rule.by)}" if rule.by else ""
    if rule.needed:
        yield f"{plural(rule.needed, 'approval')}{by}"
    for risk_class, needed in rule.by_risk_class.items():
        yield f"{plural(needed, 'approval')}{by} for {risk_class} risk"
    for approver in rule.automatic:
        risks = " and ".join(str(each) for each in approver.risk_classes)
        yield f"{approver.name} may approve {risks} risk in place of a person"
    if rule.expire_after is not None:
        yield f"approvals expire after {span(rule.expire_after)}"


def _metric(rule: MetricGate) -> Iterator[str]:
    if rule.at_least is not None:
        yield f"{rule.metric} at least {number(rule.at_least)}"
    if rule.at_most is not None:
        yield f"{rule.metric} at most {number(rule.at_most)}"
    if rule.against_champion:
        slack = f" by more than {number(rule.tolerance)}" if rule.tolerance > 0 else ""
        better = f"better by {number(-rule.tolerance)}" if rule.tolerance < 0 else "no worse"
        yield f"{rule.metric} {better} than production{slack}"


def _mover(rule: StageRule) -> str:
    people = ", ".join(rule.promoters) or "anybody who may"
    return "entered by itself when all is passed" if rule.automatic else f"entered by {people}"


def _retention(keep: int | None, window: timedelta | None) -> Iterator[str]:
    if keep is not None:
        yield f"the last {plural(keep, 'production version')} stay out of the archive tier"
    if window is not None:
        yield f"a deleted version can be restored for {span(window)}"
