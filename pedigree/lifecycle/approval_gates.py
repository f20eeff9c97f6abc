"""The gate for the approvals that a stage requires, and which approvals are valid."""

from pedigree.access.patterns import is_one_of
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.decision_records import Gate
from pedigree.lifecycle.gate_inputs import ModelFacts, StandingDecision, VersionFacts
from pedigree.lifecycle.records import StageRule

APPROVALS = "approvals"


def approvals_gate(model: ModelFacts, facts: VersionFacts, rule: StageRule) -> Gate:
    """Return the gate for the approvals that a stage requires."""
    asked = rule.approvals or ApprovalRule(needed=0)
    holding = standing_approvals(model, facts, rule, asked)
    missing = asked.count(facts.version.risk_class) - len(holding)
    if missing > 0:
        named = [*asked.by]
        if asked.by:
            named += [each.principal for each in asked.approvers_of(facts.version.risk_class)]
        people = f" by {' or '.join(named)}" if named else ""
        reason = f"{missing} approval{'s' if missing > 1 else ''}{people}"
    else:
        reason = f"approved by {', '.join(sorted(each.decided_by for each in holding))}"
    ends = [each.at + asked.expire_after for each in holding] if asked.expire_after else []
    return Gate(
        name=APPROVALS, passed=missing <= 0, reason=reason, changes_at=min(ends, default=None)
    )


def standing_approvals(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asked: ApprovalRule
) -> list[StandingDecision]:
    """Return the approvals that are still valid, the newest of each person."""
    valid: dict[str, StandingDecision] = {}
    for decision in facts.decisions:
        if decision.approved:
            valid[decision.person] = decision
        else:
            valid.clear()  # a rejection voids earlier approvals
    automatic = {each.principal for each in asked.approvers_of(facts.version.risk_class)}
    bound_to = (facts.version.digest, facts.version.stage, rule.name, model.generation)
    return [
        each
        for each in valid.values()
        if (each.digest, each.from_stage, each.to_stage, each.generation) == bound_to
        and (asked.expire_after is None or each.at + asked.expire_after > model.at)
        and (
            each.decided_by in automatic
            if each.is_automatic
            else not asked.by or is_one_of(each.decided_by, asked.by)
        )
    ]
