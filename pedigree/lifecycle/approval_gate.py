"""The gates about people: enough approvals, and somebody who may promote.

Who may decide is judged when they decide, and here again.
"""

from typing import NamedTuple

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.lifecycle.decision_records import Gate
from pedigree.lifecycle.gate_inputs import ModelFacts, StandingDecision, VersionFacts
from pedigree.lifecycle.records import ApprovalRule, StageRule
from pedigree.lifecycle.requester import Requester


class _Approvals(NamedTuple):
    """The approvals of a version for a stage, the newest of each person."""

    valid: list[StandingDecision]
    lost: list[StandingDecision]
    """Those of people who may no longer decide."""


def approvals_gate(model: ModelFacts, facts: VersionFacts, rule: StageRule) -> Gate:
    """Return the gate for the approvals that a stage requires."""
    asked = rule.approvals or ApprovalRule(needed=0)
    found = _approvals(model, facts, rule, asked)
    missing = asked.count(facts.version.risk_class) - len(found.valid)
    if missing > 0:
        people = f" by {' or '.join(asked.by)}" if asked.by else ""
        lost = ", ".join(sorted(each.decided_by for each in found.lost))
        void = f"; void since they may no longer decide: {lost}" if lost else ""
        reason = f"{missing} approval{'s' if missing > 1 else ''}{people}{void}"
    else:
        reason = f"approved by {', '.join(sorted(each.decided_by for each in found.valid))}"
    ends = [each.at + asked.expire_after for each in found.valid] if asked.expire_after else []
    return Gate(
        name="approvals", passed=missing <= 0, reason=reason, changes_at=min(ends, default=None)
    )


def _approvals(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asked: ApprovalRule
) -> _Approvals:
    newest: dict[str, StandingDecision] = {}
    for decision in facts.decisions:
        if decision.approved:
            newest[decision.decided_by.casefold()] = decision
        else:
            newest.clear()  # a rejection voids earlier approvals
    bound_to = (facts.version.digest, facts.version.stage, rule.name, model.generation)
    found = _Approvals([], [])
    for each in newest.values():
        if (each.digest, each.from_stage, each.to_stage, each.generation) != bound_to:
            continue
        if asked.expire_after is not None and each.at + asked.expire_after <= model.at:
            continue
        may = _now(facts, each).may(Permission.DECIDE, model.name, rule.name, rule)
        (found.valid if may else found.lost).append(each)
    return found


def _now(facts: VersionFacts, decision: StandingDecision) -> Principal:
    return facts.people[decision.decided_by.casefold()]


def promoter_gate(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asker: Requester, name: str
) -> Gate:
    """Return the gate for a person who may promote: the requester, or an approver for them."""
    people = [name] if asker.may_promote(facts.version, rule) else []
    if asker.requests:
        asked = rule.approvals or ApprovalRule(needed=0)
        people += [
            each.decided_by
            for each in _approvals(model, facts, rule, asked).valid
            if each.decided_by.casefold() != name.casefold()
            and (
                not rule.promoters
                or _now(facts, each).is_among(rule.promoters, model.name, rule.name)
            )
        ]
    who = next(iter(people), None)
    named = " or ".join(rule.promoters) or "somebody who may promote"
    missing = f"a promotion by {named}; {name} may not"
    if asker.requests:
        missing = f"an approval by {named}, since {name} may only request"
    reason = f"{who} may promote" if who else missing
    return Gate(name="promoter", passed=who is not None, reason=reason)
