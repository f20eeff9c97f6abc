"""Decisions of people about a version's transition into a stage."""

from typing import NamedTuple

from psycopg.errors import CheckViolation
from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import is_reserved
from pedigree.audit.event_types import EventType
from pedigree.catalog.metadata_fields import ApprovalStatus
from pedigree.catalog.model_changes import change_model
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import InvalidInputError, NotPermittedError, TransitionNotAllowedError
from pedigree.lifecycle.approval_gates import approvals_gate
from pedigree.lifecycle.approval_rules import AutomaticApprover
from pedigree.lifecycle.automatic_approvals import reason_by_checks
from pedigree.lifecycle.decision_records import Decision, RequestOutcome
from pedigree.lifecycle.gate_facts import ModelFacts, StandingDecision, VersionFacts
from pedigree.lifecycle.gate_inputs import facts_of_locked, facts_of_version, model_state
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import StageRule
from pedigree.lifecycle.standing import people_of_stage, with_standing
from pedigree.lifecycle.store import SQL, close_requests
from pedigree.lifecycle.transition_errors import expect_generation, next_step, unknown_stage
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction

_NOT_BY_AUTHOR = "decision_not_by_author"
_TOLD = {"digest", "from_stage", "to_stage", "generation", "comment"}


class DecisionInput(NamedTuple):
    """A decision about a version, and its reason."""

    approved: bool
    comment: str
    by: Principal
    approver: AutomaticApprover | None = None
    """The automatic approver that decides; None for a person."""


def decide(
    transaction: Transaction,
    version: ModelVersion,
    stage: str,
    judgement: DecisionInput,
    *,
    expected_generation: int | None,
) -> Decision:
    """Record that somebody approves or rejects a version's transition into a stage.

    The decision is valid for the version's bytes, its present stage, and the model's generation. A
    rejection voids earlier approvals, and stays valid until somebody approves again.

    Raises:
        InvalidInputError: The comment is empty.
        TransitionNotAllowedError: The policy has no such stage, or no transition into it from here.
        GenerationConflictError: The model's pointers moved since the actor read them.
        NotPermittedError: The policy names other people, or the actor registered the version.
    """
    if not judgement.comment.strip():
        raise InvalidInputError("is empty", field="comment", remedy="Give the reason in a sentence")
    model = lock_model(transaction, version.model_name)
    rule = _rule(model, stage)
    expect_generation(model, expected_generation)
    seen = facts_of_locked(transaction, model)
    facts = facts_of_version(transaction, seen, version.version_id)
    by = with_standing(transaction, judgement.by, people_of_stage(rule))
    if judgement.approver is None:
        _refuse_stranger(model.name, rule, by)
    else:
        _refuse_approver(seen, facts, rule, judgement.approver)
    if facts.version.stage not in rule.after:
        raise TransitionNotAllowedError(
            f"{version.reference} is in {facts.version.stage}, which has no transition into it",
            field="stage",
            value=stage,
            remedy=next_step(read_policy(model.policy), facts.version.stage),
        )
    decision, person = _insert(transaction, model, facts.version, rule.name, judgement)
    standing = StandingDecision.of(decision, person, by.actor.source)
    facts = facts._replace(
        decisions=(*facts.decisions, standing), people={**facts.people, by.actor: by}
    )
    enough = approvals_gate(seen, facts, rule).passed
    _conclude(transaction, model, rule, judgement.by, decision, enough=enough)
    return decision


def _rule(model: LockedModel, stage: str) -> StageRule:
    policy = read_policy(model.policy)
    rule = policy.rule(stage)
    if rule is None:
        raise unknown_stage(policy, stage)
    return rule


def _refuse_stranger(name: str, rule: StageRule, principal: Principal) -> None:
    if is_reserved(principal.name) or not principal.may(Permission.DECIDE, name, rule.name, rule):
        raise NotPermittedError(
            f"other people decide who enters {rule.name}",
            field="actor",
            value=principal.name,
            remedy=f"Ask {' or '.join(rule.people(Permission.DECIDE)) or 'a person who may'}",
        )


def _refuse_approver(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, approver: AutomaticApprover
) -> None:
    """Refuse an automatic approver that may not decide, or whose check does not pass any more."""
    asked = rule.approvals
    may = asked is not None and approver in asked.approvers_of(facts.version.risk_class)
    if may and (approver.callable or reason_by_checks(model, facts, rule, approver)):
        return
    raise NotPermittedError(
        f"a person decides about {facts.version.reference}",
        field="actor",
        value=approver.principal,
        remedy=f"Approve or reject its transition into {rule.name}",
    )


def _insert(
    transaction: Transaction,
    model: LockedModel,
    version: ModelVersion,
    stage: str,
    judgement: DecisionInput,
) -> tuple[Decision, Row]:
    """Write a decision; return it with the person who decided."""
    try:
        row = transaction.execute(
            SQL["insert_decision"],
            {
                "model_id": model.model_id,
                "version": version.version_id,
                "from_stage": version.stage,
                "to_stage": stage,
                "approved": judgement.approved,
                "comment": judgement.comment,
                "actor": judgement.by.name,
                "actor_source": judgement.by.actor.source,
                "issued_by": judgement.by.issued_by,
                "at": model.at,
            },
        ).fetchall()[0]
    except CheckViolation as error:
        if error.diag.constraint_name != _NOT_BY_AUTHOR:
            raise
        raise NotPermittedError(
            f"{version.reference} was registered by the same person, or they created the token",
            field="actor",
            value=judgement.by.name,
            remedy="Ask somebody else, who logs in or has a token that somebody else created",
        ) from error
    person = {field: row.pop(field) for field in ("person", "keys_of_person")}
    return Decision(**row), person


def _conclude(
    transaction: Transaction,
    model: LockedModel,
    rule: StageRule,
    by: Principal,
    decision: Decision,
    *,
    enough: bool,
) -> None:
    """Update the version's approval status, and emit the event of the decision."""
    actor = by.actor
    status = ApprovalStatus.APPROVED if enough else ApprovalStatus.PENDING
    if not decision.approved:
        status, over = ApprovalStatus.REJECTED, RequestOutcome.REJECTED
        close_requests(transaction, model, decision.version_id, actor, over, stage=rule.name)
    body: dict[str, JsonValue] = {
        **decision.model_dump(mode="json", include=_TOLD),
        "status": status.value,
    }
    if by.issued_by is not None:
        body["issued_by"] = by.issued_by
    decided = EventType.VERSION_APPROVED if decision.approved else EventType.VERSION_REJECTED
    change_model(model, decided, body, actor, version=decision.version_id)


def decisions_question(model_id: int, version: int, *, limit: int, after: int) -> Question:
    """Return what :func:`decisions_about` asks."""
    values = {
        "model_id": model_id,
        "version": version,
        "limit": at_least_one(limit),
        "after": after,
    }
    return Question(SQL["decisions_of_version"], values, is_page=True)


def decisions(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: int
) -> RecordPage[Decision]:
    """Return a page of the decisions about a version, oldest first."""
    model = model_state(transaction, version.model_name)
    return decisions_about(
        transaction, model["model_id"], version.version_id, limit=limit, after=after
    )


def decisions_about(
    transaction: Transaction, model_id: int, version: int, *, limit: int, after: int
) -> RecordPage[Decision]:
    """Return the same for a version of a model by its number."""
    asked = decisions_question(model_id, version, limit=limit, after=after)
    found = fetch_page(transaction, asked.query, asked.params)
    return RecordPage((Decision(**row) for row in found.rows), is_cut=found.is_cut)
