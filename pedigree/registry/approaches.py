"""How far a version is on its way into the stages that are asked for it."""

from collections.abc import Sequence
from typing import NamedTuple

from pedigree.lifecycle.approval_gates import standing_approvals
from pedigree.lifecycle.decision_records import Explanation, StageRequest
from pedigree.lifecycle.gate_facts import ModelFacts, VersionFacts
from pedigree.lifecycle.gates import explain_gates
from pedigree.lifecycle.records import ARCHIVED, Policy, StageRule
from pedigree.lifecycle.requester import Requester


class Approach(NamedTuple):
    """How far a version is on its way into a stage.

    Attributes:
        explanation: Each gate of the stage.
        requests: The open requests for it.
        approvals_given: How many approvals are valid now.
        approvals_needed: How many the stage requires of this version.
    """

    explanation: Explanation
    requests: tuple[StageRequest, ...]
    approvals_given: int
    approvals_needed: int


def approaches(
    model: ModelFacts, facts: VersionFacts, requests: Sequence[StageRequest]
) -> tuple[Approach, ...]:
    """Return the way into each stage that is asked for, else into the one that comes next.

    Args:
        model: The model.
        facts: The version.
        requests: The open requests for stages of the version.
    """
    asked: dict[str, list[StageRequest]] = {}
    for request in requests:
        asked.setdefault(request.stage, []).append(request)
    if not asked and (next_rule := _next_stage(model.policy, facts.version.stage)):
        asked[next_rule.name] = []
    rules = {name: model.policy.rule(name) for name in asked}
    return tuple(_approach(model, facts, rule, asked[name]) for name, rule in rules.items() if rule)


def _approach(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, requests: Sequence[StageRequest]
) -> Approach:
    # Who looks at the page may not be who asks, so the gates are those of any person.
    found = explain_gates(model, facts, rule, Requester(None))
    given_up = facts.given_up(model, rule.name)
    asked, risk = rule.approvals, facts.version.risk_class
    return Approach(
        explanation=found.model_copy(update={"requests": tuple(requests), "given_up": given_up}),
        requests=tuple(requests),
        approvals_given=len(standing_approvals(model, facts, rule, asked)) if asked else 0,
        approvals_needed=asked.count(risk) if asked else 0,
    )


def _next_stage(policy: Policy, stage: str) -> StageRule | None:
    """Return the first later stage that a version can enter from its stage; None if none is."""
    later = (rule for rule in policy.stages if rule.name != ARCHIVED)
    if stage == ARCHIVED:
        return None
    return next((rule for rule in later if stage in rule.after), None)
