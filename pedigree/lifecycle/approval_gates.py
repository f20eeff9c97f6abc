"""The gate for the approvals that a stage requires, and which approvals are valid."""

from collections.abc import Iterable

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.decision_records import Gate
from pedigree.lifecycle.gate_facts import ModelFacts, StandingDecision, VersionFacts
from pedigree.lifecycle.records import StageRule
from pedigree.lifecycle.requester import Requester

APPROVALS = "approvals"


def approvals_gate(model: ModelFacts, facts: VersionFacts, rule: StageRule) -> Gate:
    """Return the gate for the approvals that a stage requires."""
    asked = rule.approvals or ApprovalRule(needed=0)
    holding = standing_approvals(model, facts, rule, asked)
    lost = [each for each in _bound(model, facts, rule, asked) if each not in holding]
    missing = asked.count(facts.version.risk_class) - len(holding)
    if missing > 0:
        named = [*asked.by]
        if asked.by:
            named += [each.principal for each in asked.approvers_of(facts.version.risk_class)]
        people = f" by {' or '.join(named)}" if named else ""
        names = ", ".join(_by_name(facts, lost))
        void = f"; void since they may no longer decide: {names}" if lost else ""
        reason = f"{missing} approval{'s' if missing > 1 else ''}{people}{void}"
    else:
        reason = f"approved by {', '.join(_by_name(facts, holding))}"
    ends = [each.at + asked.expire_after for each in holding] if asked.expire_after else []
    return Gate(
        name=APPROVALS, passed=missing <= 0, reason=reason, changes_at=min(ends, default=None)
    )


def standing_approvals(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asked: ApprovalRule
) -> list[StandingDecision]:
    """Return the approvals that are still valid, the newest of each person.

    Who may decide is judged when they decide, and here again.
    """
    automatic = {each.principal for each in asked.approvers_of(facts.version.risk_class)}
    return [
        each
        for each in _bound(model, facts, rule, asked)
        if (
            each.decided_by in automatic
            if each.is_automatic
            else _now(facts, each).may(Permission.DECIDE, model.name, rule.name, rule)
        )
    ]


def _bound(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asked: ApprovalRule
) -> list[StandingDecision]:
    """Return the newest approval of each person that is about this version, stage and time."""
    newest: dict[str, StandingDecision] = {}
    for decision in facts.decisions:
        if decision.approved:
            newest[decision.person] = decision
        else:
            newest.clear()  # a rejection voids earlier approvals
    bound_to = (facts.version.digest, facts.version.stage, rule.name, model.generation)
    return [
        each
        for each in newest.values()
        if (each.digest, each.from_stage, each.to_stage, each.generation) == bound_to
        and (asked.expire_after is None or each.at + asked.expire_after > model.at)
    ]


def _by_name(facts: VersionFacts, decisions: Iterable[StandingDecision]) -> list[str]:
    """Return who decided, as the database knows them, in the order of their names."""

    def name(decision: StandingDecision) -> str:
        person = facts.people.get(decision.actor)
        return decision.decided_by if person is None else person.shown_name

    return [each.decided_by for each in sorted(decisions, key=name)]


def _now(facts: VersionFacts, decision: StandingDecision) -> Principal:
    return facts.people[decision.actor]


def promoter_gate(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asker: Requester, name: str
) -> Gate:
    """Return the gate for a person who may promote: the requester, or another one who approved."""
    people = [name] if asker.may_promote(facts.version, rule) else []
    if asker.requests:
        asked = rule.approvals or ApprovalRule(needed=0)
        people += [
            each.decided_by
            for each in standing_approvals(model, facts, rule, asked)
            if not each.is_automatic
            and not each.is_by(name)
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
