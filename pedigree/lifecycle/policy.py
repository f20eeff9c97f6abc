"""The default policy of a model, an open one, and a policy for gradual rollouts."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic import ValidationError

from pedigree.catalog.metadata_fields import RiskClass
from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.metric_gate import MetricGate
from pedigree.lifecycle.records import (
    ARCHIVED,
    CANDIDATE,
    NO_STAGE,
    CheckRule,
    MetricRule,
    Policy,
    StageRule,
)
from pedigree.monitoring.records import DriftRule

METADATA_COMPLETE = "metadata_complete"
SIGNATURE_COMPATIBLE = "signature_compatible"
ARTIFACT_INTACT = "artifact_intact"
NO_REGRESSION = "no_regression"

ALWAYS_THERE = frozenset({"model_card_uri"})
"""Metadata that every version has: a card is rendered on read, also before its URI exists."""


def default_policy(
    champion_metric: MetricRule | None = None,
    drift: DriftRule | None = None,
    *,
    checks: Iterable[CheckRule | str] = (),
) -> Policy:
    """Return the default graph, ``none → candidate → staging → production → archived``.

    A version becomes a candidate by passing its checks; the sensor promotes it from there. An
    archived version returns only by a person's promotion or by a rollback.

    Args:
        champion_metric: If given, a version must also not be worse than the champion.
        drift: If given, production inputs are monitored for drift.
        checks: Further checks that candidates and versions in later stages must pass.
    """
    names = [METADATA_COMPLETE, SIGNATURE_COMPATIBLE, ARTIFACT_INTACT]
    if champion_metric:
        names.append(NO_REGRESSION)
    asked = tuple(CheckRule.model_validate(each) for each in (*names, *checks))
    return Policy(
        champion_metric=champion_metric,
        drift=drift,
        stages=(
            StageRule(name=CANDIDATE, after=(NO_STAGE,), checks=asked),
            StageRule(name="staging", after=(CANDIDATE, ARCHIVED), checks=asked, automatic=True),
            StageRule(
                name="production",
                after=("staging", ARCHIVED),
                exclusive=True,
                checks=asked,
                automatic=True,
            ),
            StageRule(name=ARCHIVED, after=(NO_STAGE, CANDIDATE, "staging", "production")),
        ),
    )


def open_policy() -> Policy:
    """Return the stages of MLflow without a rule: any stage to any stage, and back to none.

    ``none``, ``staging``, ``production`` and ``archived``: several versions may hold each, no gate
    is asked, and nothing moves by itself.
    """
    names = ("staging", "production", ARCHIVED)
    return Policy(
        stages=tuple(
            StageRule(name=name, after=(NO_STAGE, *(each for each in names if each != name)))
            for name in names
        ),
        delete_held=True,
        back_to_none=True,
    )


def policy_without_stages() -> Policy:
    """Return a policy whose versions are in no stage and have aliases alone, of any name.

    For prompts of MLflow, which are models there, and whose alias ``production`` is an alias.
    """
    return Policy(stages=(), delete_held=True)


def rollout_policy(
    champion_metric: MetricRule,
    *,
    shadow: timedelta = timedelta(days=1),
    canary: timedelta = timedelta(days=1),
    approvals: ApprovalRule | None = None,
) -> Policy:
    """Return a graph that rolls out a challenger step by step.

    ``none → candidate → challenger → shadow → canary → production → archived``: the challenger is
    the one candidate that is not worse than the champion, the shadow gets the champion's requests
    but its answers are not used, the canary answers a small part of them. Each stage holds one
    version, and the sensor promotes them; people approve the last step.

    Args:
        champion_metric: The metric that must not be worse than the champion's.
        shadow: How long a version stays in shadow.
        canary: How long a version stays in canary.
        approvals: Who must approve the promotion to production; by default one person, none for
            the risk class *minimal* and two for *high*.
    """
    checks = default_policy(champion_metric).stages[0].checks
    approvals = approvals or ApprovalRule(
        needed=1, by_risk_class={RiskClass.MINIMAL: 0, RiskClass.HIGH: 2}
    )
    gate = MetricGate(against_champion=True, **champion_metric.model_dump())

    def step(name: str, *after: str, **asked: Any) -> StageRule:
        return StageRule(
            name=name, after=after, exclusive=True, automatic=True, checks=checks, **asked
        )

    return Policy(
        champion_metric=champion_metric,
        stages=(
            StageRule(name=CANDIDATE, after=(NO_STAGE,), checks=checks),
            step("challenger", CANDIDATE, metrics=(gate,)),
            step("shadow", "challenger"),
            step("canary", "shadow", soak=shadow),
            step("production", "canary", ARCHIVED, soak=canary, approvals=approvals),
            StageRule(
                name=ARCHIVED,
                after=(NO_STAGE, CANDIDATE, "challenger", "shadow", "canary", "production"),
            ),
        ),
    )


def read_policy(stored: dict[str, Any] | None) -> Policy:
    """Return the policy of a model's row, or the default one if it has none of its own.

    The naming rule for stages applies to new policies only: a stored one keeps its names.

    Raises:
        InvalidPolicyError: The stored value is not a policy.
    """
    if stored is None:
        return _of_most_models()
    try:
        return Policy.model_validate(stored, context={"stored": True})
    except ValidationError as error:
        raise policy_error(error) from error


@cache
def _of_most_models() -> Policy:
    return default_policy()


def parse_policy(given: object) -> Policy:
    """Return a policy from new input.

    Raises:
        InvalidPolicyError: It is not a policy.
    """
    try:
        return Policy.model_validate(given)
    except ValidationError as error:
        raise policy_error(error) from error


def policy_error(error: ValidationError) -> InvalidPolicyError:
    """Return pydantic's error about a policy as an error of Pedigree."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return InvalidPolicyError(
        message[:1].lower() + message[1:],
        field=f"policy.{where}" if where else "policy",
        value=None if isinstance(first["input"], dict | Policy) else first["input"],
        remedy="Declare each stage once, and only declared stages in `after`"
        if not where
        else "See docs/reference/policy.md for the fields of a policy",
    )
