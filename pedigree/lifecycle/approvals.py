"""Decisions of people about a version's transition into a stage."""

from typing import NamedTuple

from psycopg.errors import CheckViolation
from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.metadata_fields import ApprovalStatus
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import InvalidInputError, NotPermittedError, TransitionNotAllowedError
from pedigree.lifecycle.approval_gate import approvals_gate
from pedigree.lifecycle.decision_records import Decision, RequestOutcome
from pedigree.lifecycle.gate_inputs import (
    StandingDecision,
    facts_of_locked,
    facts_of_version,
    model_state,
)
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import StageRule
from pedigree.lifecycle.standing import people_of_stage, with_standing
from pedigree.lifecycle.store import SQL, close_requests
from pedigree.lifecycle.transition_errors import expect_generation, next_step, unknown_stage
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.transaction import Transaction

_NOT_BY_AUTHOR = "decision_not_by_author"
_TOLD = {"digest", "from_stage", "to_stage", "generation", "comment"}


class DecisionInput(NamedTuple):
    """A decision about a version, and its reason."""

    approved: bool
    comment: str
    by: Principal


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
    _refuse_stranger(model.name, rule, by)
    if facts.version.stage not in rule.after:
        raise TransitionNotAllowedError(
            f"{version.reference} is in {facts.version.stage}, which has no transition into it",
            field="stage",
            value=stage,
            remedy=next_step(read_policy(model.policy), facts.version.stage),
        )
    decision = _insert(transaction, model, facts.version, rule.name, judgement)
    decided = StandingDecision.of(decision, by.actor.source)
    facts = facts._replace(
        decisions=(*facts.decisions, decided), people={**facts.people, by.name.casefold(): by}
    )
    enough = approvals_gate(seen, facts, rule).passed
    _conclude(transaction, model, rule, judgement.by.actor, decision, enough=enough)
    return decision


def _rule(model: LockedModel, stage: str) -> StageRule:
    policy = read_policy(model.policy)
    rule = policy.rule(stage)
    if rule is None:
        raise unknown_stage(policy, stage)
    return rule


def _refuse_stranger(name: str, rule: StageRule, principal: Principal) -> None:
    if not principal.may(Permission.DECIDE, name, rule.name, rule):
        raise NotPermittedError(
            f"other people decide who enters {rule.name}",
            field="actor",
            value=principal.name,
            remedy=f"Ask {' or '.join(rule.people(Permission.DECIDE))}",
        )


def _insert(
    transaction: Transaction,
    model: LockedModel,
    version: ModelVersion,
    stage: str,
    judgement: DecisionInput,
) -> Decision:
    try:
        row = transaction.execute(
            SQL["insert_decision"],
            {
                "model_id": model.model_id,
                "version": version.version_id,
                "digest": version.digest,
                "author": version.created_by,
                "from_stage": version.stage,
                "to_stage": stage,
                "generation": model.generation,
                "approved": judgement.approved,
                "comment": judgement.comment,
                "actor": judgement.by.name,
                "actor_source": judgement.by.actor.source,
                "at": model.at,
            },
        ).fetchone()
    except CheckViolation as error:
        if error.diag.constraint_name != _NOT_BY_AUTHOR:
            raise
        raise NotPermittedError(
            f"{version.reference} was registered by the same person",
            field="actor",
            value=judgement.by.name,
            remedy="Ask somebody else",
        ) from error
    return Decision(**(row or {}))


def _conclude(
    transaction: Transaction,
    model: LockedModel,
    rule: StageRule,
    actor: Actor,
    decision: Decision,
    *,
    enough: bool,
) -> None:
    """Update the version's approval status, and emit the event of the decision."""
    status = ApprovalStatus.APPROVED if enough else ApprovalStatus.PENDING
    if not decision.approved:
        status, over = ApprovalStatus.REJECTED, RequestOutcome.REJECTED
        close_requests(transaction, model, decision.version_id, actor, over, stage=rule.name)
    decided = {
        "status": status.value,
        "notes": decision.comment,
        "approved_by": actor.name if decision.approved else None,
        "approval_stage": rule.name if status is ApprovalStatus.APPROVED else None,
    }
    transaction.execute(
        SQL["conclude"],
        {"model_id": model.model_id, "version": decision.version_id, "at": model.at, **decided},
    )
    body: dict[str, JsonValue] = {
        **decision.model_dump(mode="json", include=_TOLD),
        "status": status.value,
    }
    model.record(
        EventType.VERSION_APPROVED if decision.approved else EventType.VERSION_REJECTED,
        body,
        version=decision.version_id,
        actor=actor,
    )


def decisions(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: int
) -> RecordPage[Decision]:
    """Return a page of the decisions about a version, oldest first."""
    model = model_state(transaction, version.model_name)
    found = fetch_page(
        transaction,
        SQL["decisions_of_version"],
        {
            "model_id": model["model_id"],
            "version": version.version_id,
            "limit": at_least_one(limit),
            "after": after,
        },
    )
    return RecordPage((Decision(**row) for row in found.rows), is_cut=found.is_cut)
