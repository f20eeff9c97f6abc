"""The policy a model has unless it is given its own, and one for those who roll out slowly."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from pedigree.catalog.metadata_fields import RiskClass
from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.records import (
    ARCHIVED,
    CANDIDATE,
    NO_STAGE,
    ApprovalRule,
    CheckRule,
    MetricGate,
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
"""Metadata that no version lacks: a card is drawn when it is read, also before its URI is known."""


def default_policy(
    champion_metric: MetricRule | None = None,
    drift: DriftRule | None = None,
    *,
    checks: Iterable[CheckRule | str] = (),
) -> Policy:
    """Return the default graph, ``none → candidate → staging → production → archived``.

    A version becomes a candidate by passing its checks; the sensor takes it on from there. An
    archived version comes back by a person's promotion or by a rollback only.

    Args:
        champion_metric: With it, a version must also not be worse than the champion.
        drift: With it, what production is given is watched.
        checks: What else candidates and the holders of the stages behind them must pass.
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


def rollout_policy(
    champion_metric: MetricRule,
    *,
    shadow: timedelta = timedelta(days=1),
    canary: timedelta = timedelta(days=1),
    approvals: ApprovalRule | None = None,
) -> Policy:
    """Return a graph in which a champion is challenged step by step.

    ``none → candidate → challenger → shadow → canary → production → archived``: the challenger is
    the one candidate that keeps up with the champion, the shadow gets the champion's requests and
    nobody sees its answers, the canary answers a small part of them. Each stage is held by one
    version, and the sensor moves them on; people approve the last step.

    Args:
        champion_metric: What must not become worse than the champion's.
        shadow: How long a version stays in the shadow.
        canary: How long it is the canary.
        approvals: Who must approve the way into production; by default one person, none for the
            risk class *minimal* and two for *high*.
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
    """Build the policy of a model's row; the default one where it has none of its own.

    The rule for the names of stages is for policies that are given now: one of before is read with
    the names that it has.

    Raises:
        InvalidPolicyError: What is stored is not a policy.
    """
    if stored is None:
        return default_policy()
    try:
        return Policy.model_validate(stored, context={"stored": True})
    except ValidationError as error:
        raise policy_error(error) from error


def parse_policy(given: object) -> Policy:
    """Build a policy of what somebody gives now.

    Raises:
        InvalidPolicyError: It is no policy.
    """
    try:
        return Policy.model_validate(given)
    except ValidationError as error:
        raise policy_error(error) from error


def policy_error(error: ValidationError) -> InvalidPolicyError:
    """Return what is wrong with a policy, from what pydantic found."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return InvalidPolicyError(
        message[:1].lower() + message[1:],
        field=f"policy.{where}" if where else "policy",
        value=None if isinstance(first["input"], dict | Policy) else first["input"],
        remedy="Declare each stage once, and only declared stages in `after`"
        if not where
        else "See docs/reference/policy.md for what a policy takes",
    )
