"""Overrides: a person with the right to it lets a version enter a stage past its gates.

An override is not an approval, and voids none. The version shows it without limit of time.
"""

from psycopg.errors import CheckViolation
from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.principal import Principal
from pedigree.audit.event_types import EventType
from pedigree.catalog.records import ModelVersion
from pedigree.errors import (
    GateNotPassedError,
    InvalidInputError,
    NotPermittedError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.decision_records import Explanation, Gate, StageOverride
from pedigree.lifecycle.gate_facts import VersionFacts
from pedigree.lifecycle.gate_inputs import model_state
from pedigree.lifecycle.gates import NOT_QUARANTINED, explain_gates
from pedigree.lifecycle.records import Move, StageRule
from pedigree.lifecycle.requester import Requester
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.lifecycle.store import SQL
from pedigree.lifecycle.transition_errors import expect_way
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.transaction import Transaction

_NOT_BY_AUTHOR = "override_not_by_author"


def override(
    transaction: Transaction,
    version: ModelVersion,
    stage: str,
    *,
    reason: str,
    by: Principal,
    expected_generation: int | None,
) -> Move:
    """Let a version enter a stage although it has not passed every gate.

    Raises:
        InvalidInputError: The reason is empty.
        VersionNotFoundError: There is no such version.
        TransitionNotAllowedError: The policy has no such stage, or no transition into it from here;
            or no gate is left to override.
        GateNotPassedError: The version is in quarantine, which has a release of its own.
        NotPermittedError: The actor registered the version, or trained its bytes.
        GenerationConflictError: The model's pointers moved since the caller read them.
    """
    if not reason.strip():
        raise InvalidInputError("is empty", field="reason", remedy="Give the reason in a sentence")
    mover = _OverridingTransition(transaction, version.model_name, by, reason=reason)
    return mover.promote(
        version.version_id, stage, Requester(by), expected_generation=expected_generation
    )


class _OverridingTransition(StageTransition):
    """A transition of a person who overrides the gates of a stage."""

    def _pass_gates(self, facts: VersionFacts, rule: StageRule, asker: Requester) -> None:
        explanation = explain_gates(self._seen, facts, rule, asker)
        expect_way(explanation, self._policy, facts.version.stage)
        left = [gate for gate in explanation.gates if not gate.passed]
        _require_overridable(explanation, left)
        self._insert(facts.version, rule.name, left)

    def _insert(self, version: ModelVersion, stage: str, left: list[Gate]) -> None:
        gates: list[JsonValue] = [{"name": gate.name, "reason": gate.reason} for gate in left]
        body: dict[str, JsonValue] = {
            "digest": version.digest,
            "from_stage": version.stage,
            "to_stage": stage,
            "generation": self._model.generation + 1,
            "reason": self._reason,
        }
        values = {
            **body,
            "model_id": self._model.model_id,
            "version": version.version_id,
            "gates": Jsonb(gates),
            "actor": self._actor.name,
            "actor_source": self._actor.source,
            "issued_by": self._principal.issued_by,
            "at": self._model.at,
        }
        try:
            self._transaction.execute(SQL["insert_override"], values)
        except CheckViolation as error:
            if error.diag.constraint_name != _NOT_BY_AUTHOR:
                raise
            raise NotPermittedError(
                f"{version.reference} was made by the same person, or they created the token",
                field="actor",
                value=self._actor.name,
                remedy="Ask somebody else",
            ) from error
        self._model.record(
            EventType.VERSION_OVERRIDDEN,
            {**body, "gates": gates},
            version=version.version_id,
            actor=self._actor,
        )


def _require_overridable(explanation: Explanation, left: list[Gate]) -> None:
    if not left:
        raise TransitionNotAllowedError(
            f"{explanation.reference} has passed every gate, so there is nothing to override",
            field="stage",
            value=explanation.stage,
            remedy=f"`pedigree promote {explanation.reference} --to {explanation.stage}`",
        )
    for gate in left:
        if gate.name == NOT_QUARANTINED:
            raise GateNotPassedError(
                f"{explanation.reference} waits for: {gate.reason}",
                field="stage",
                value=explanation.stage,
                remedy="An override cannot end a quarantine; release it first",
            )


def overrides(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: int
) -> RecordPage[StageOverride]:
    """Return a page of the overrides of a version, oldest first."""
    found = fetch_page(
        transaction,
        SQL["overrides_of_version"],
        {
            "model_id": model_state(transaction, version.model_name)["model_id"],
            "version": version.version_id,
            "limit": at_least_one(limit),
            "after": after,
        },
    )
    return RecordPage((StageOverride(**row) for row in found.rows), is_cut=found.is_cut)
