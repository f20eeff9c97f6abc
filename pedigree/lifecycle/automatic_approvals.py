"""Automatic approvals: what decides about versions of low risk in place of a person.

An approver decides last: only about a version for which nothing but approvals is missing, and of
the candidates for a stage only about the newest such one. So a model has few automatic approvals,
and each of them is of use.
"""

from collections.abc import Callable, Collection, Iterator
from importlib.metadata import entry_points
from typing import NamedTuple, TypeAlias, cast

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.errors import InvalidInputError, MissingDependencyError
from pedigree.lifecycle.approval_gates import APPROVALS, standing_approvals
from pedigree.lifecycle.approval_rules import AutomaticApprover
from pedigree.lifecycle.gate_facts import ModelFacts, VersionFacts
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.gates import explain_gates, passed_verdict
from pedigree.lifecycle.promotion_queue import requested_versions, waiting_versions
from pedigree.lifecycle.records import RecordedVerdict, StageRule
from pedigree.lifecycle.requester import SENSOR
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction

GROUP = "pedigree.approvers"


class AskedApproval(Record):
    """What a registered callable is asked to approve."""

    version: ModelVersion
    stage: str
    champion: ModelVersion | None
    verdicts: tuple[RecordedVerdict, ...]


Approve: TypeAlias = Callable[[AskedApproval], str | None]
"""Returns the reason of its approval; None to leave the decision to a person."""


class WantedApproval(NamedTuple):
    """An approval that an automatic approver may give."""

    approver: AutomaticApprover
    asked: AskedApproval
    generation: int
    by_checks: str | None

    def reason(self) -> str | None:
        """Return the reason of its approval; None if it leaves the decision to a person.

        Raises:
            MissingDependencyError: Its entry point is not installed in this process.
            InvalidInputError: It returned something else than a reason.
        """
        if self.approver.callable is None:
            return self.by_checks
        found = _registered(self.approver.callable)(self.asked)
        if found is None:
            return None
        if not isinstance(found, str) or not found.strip():
            raise InvalidInputError(
                f"the automatic approver {self.approver.name} returned no reason",
                field=GROUP,
                value=self.approver.callable,
                remedy="Return a text with the reason, or None",
            )
        return found


def _registered(name: str) -> Approve:
    plugin = next((each for each in entry_points(group=GROUP) if each.name == name), None)
    if plugin is None:
        raise MissingDependencyError(
            "the policy names an automatic approver that is not installed in this process",
            field=GROUP,
            value=name,
            remedy=f"Install the distribution with the entry point {name} of the group {GROUP}",
        )
    return cast("Approve", plugin.load())


def wanted_approvals(transaction: Transaction, name: str) -> tuple[WantedApproval, ...]:
    """Return the approvals that automatic approvers of a model's policy may give now.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    model = look_at_model(transaction, name)
    rules = [rule for rule in model.policy.stages if rule.approvals and rule.approvals.automatic]
    if not rules:
        return ()
    return tuple(
        wanted
        for rule, facts in _lacking_only_approvals(transaction, model, rules)
        for wanted in _undecided(model, rule, facts)
    )


def _lacking_only_approvals(
    transaction: Transaction, model: ModelFacts, rules: list[StageRule]
) -> Iterator[tuple[StageRule, VersionFacts]]:
    newest = dict[str, tuple[StageRule, VersionFacts]]()
    for rule, facts in waiting_versions(transaction, model):
        if rule in rules and rule.name not in newest:
            explained = explain_gates(model, facts, rule, SENSOR)
            if explained.passed or explained.lacks_only(APPROVALS):
                newest[rule.name] = (rule, facts)
    requested = {
        (rule.name, facts.version.version_id): (rule, facts)
        for rule, facts, asker in requested_versions(transaction, model)
        if rule in rules and explain_gates(model, facts, rule, asker).lacks_only(APPROVALS)
    }
    found = {
        (rule.name, facts.version.version_id): (rule, facts) for rule, facts in newest.values()
    }
    yield from (found | requested).values()


def _undecided(model: ModelFacts, rule: StageRule, facts: VersionFacts) -> Iterator[WantedApproval]:
    asked = rule.approvals
    if asked is None:
        return
    decided = {each.decided_by for each in standing_approvals(model, facts, rule, asked)}
    for approver in asked.approvers_of(facts.version.risk_class):
        if approver.principal not in decided:
            yield WantedApproval(
                approver,
                AskedApproval(
                    version=facts.version,
                    stage=rule.name,
                    champion=model.champion,
                    verdicts=tuple(facts.verdicts),
                ),
                model.generation,
                reason_by_checks(model, facts, rule, approver),
            )


def reason_by_checks(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, approver: AutomaticApprover
) -> str | None:
    """Return why an approver approves that decides by a check of the stage; None if it does not."""
    if approver.check is None:
        return None
    rules = [check for check in rule.checks if check.name == approver.check]
    passed = [passed_verdict(check, model, facts) for check in rules]
    found = [verdict.summary for verdict in passed if verdict is not None]
    if not found or len(found) < len(rules):
        return None
    return f"the check {approver.check} passed: {'; '.join(found)}"


def names_with_approvers(
    transaction: Transaction, among: Collection[str] | None
) -> tuple[str, ...]:
    """Return the models whose policy has automatic approvers: of the given ones, or all."""
    values = {"names": None if among is None else sorted(among)}
    rows = transaction.execute(SQL["models_with_approvers"], values).fetchall()
    return tuple(row["name"] for row in rows)
