"""Transitions of versions between stages: promotion, rollback, and candidacy by passed checks."""

from collections.abc import Sequence

from pydantic import JsonValue

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import DRIFT_SENSOR
from pedigree.audit.event_types import EventType
from pedigree.catalog.metadata_fields import ApprovalStatus
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import (
    NotPermittedError,
    StageEmptyError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.gate_inputs import VersionFacts, facts_of_locked, facts_of_version
from pedigree.lifecycle.gates import explain_gates
from pedigree.lifecycle.pointer_names import require_no_alias
from pedigree.lifecycle.records import (
    ARCHIVED,
    CANDIDATE,
    NO_STAGE,
    Move,
    Policy,
    RecordedVerdict,
    StageRule,
    Verdict,
)
from pedigree.lifecycle.requester import SENSOR, Requester
from pedigree.lifecycle.standing import people_of, with_standing
from pedigree.lifecycle.store import (
    STAGE,
    Holder,
    advance_generation,
    begin_tenure,
    close_requests,
    end_stage,
    holder,
    insert_verdicts,
    recorded_verdicts,
    rollback_target,
    use_approval,
)
from pedigree.lifecycle.transition_errors import expect_generation, expect_passed, unknown_stage
from pedigree.monitoring.records import DriftAction
from pedigree.postgres.transaction import Transaction


class StageTransition:
    """Moves versions of one model inside one transaction that holds the model's lock."""

    def __init__(
        self,
        transaction: Transaction,
        name: str,
        principal: Principal,
        *,
        reason: str | None = None,
        run_id: str | None = None,
    ) -> None:
        self._transaction = transaction
        self._actor = principal.actor
        self._reason = reason
        self._run_id = run_id
        self._model: LockedModel = lock_model(transaction, name)
        self._seen = facts_of_locked(transaction, self._model)
        self._policy: Policy = self._seen.policy
        self._principal = with_standing(transaction, principal, people_of(self._policy))

    def promote(
        self, version: int, stage: str, asker: Requester, *, expected_generation: int | None = None
    ) -> Move:
        """Let a version enter a stage.

        If the version already holds the stage, nothing is written, and the result has
        ``moved = False``. So a promotion is idempotent.

        Raises:
            VersionNotFoundError: There is no such version.
            TransitionNotAllowedError: The policy has no such stage, or no transition into it from
                here; or an alias has its name.
            GateNotPassedError: A gate is not passed.
            GenerationConflictError: The model's pointers moved since the caller read them.
        """
        rule = self._rule(stage)
        facts = self._facts(version)
        if facts.version.stage == rule.name:
            return self._answer(rule.name, facts.version, previous=None, moved=False)
        if rule.name == ARCHIVED and facts.version.stage != NO_STAGE:
            # Archiving takes a version out of its stage, which is a move of that stage too.
            self._principal.require(Permission.MOVE, self._model.name, facts.version.stage)
        expect_generation(self._model, expected_generation)
        if asker.principal is not None:
            asker = asker._replace(principal=self._principal)
        self._pass_gates(facts, rule, asker)
        require_no_alias(self._seen.held, self._model.name, rule.name)
        return self._enter(facts.version, rule)

    def roll_back(self, stage: str, *, expected_generation: int | None = None) -> Move:
        """Return a stage to its previous holder; the present one is archived.

        Raises:
            StageEmptyError: No version holds the stage.
            NothingToRollBackError: There is no earlier holder that may still run.
            NotPermittedError: The policy names other promoters of the stage.
            GenerationConflictError: The model's pointers moved since the caller read them.
        """
        rule = self._rule(stage)
        stage = rule.name
        may = self._principal.may(Permission.MOVE, self._model.name, stage, rule)
        if not may and not self._demotes(stage):
            raise NotPermittedError(
                f"other people move {stage}",
                field="actor",
                value=self._actor.name,
                remedy=f"Ask {' or '.join(rule.promoters)}",
            )
        expect_generation(self._model, expected_generation)
        present = holder(self._transaction, self._model.model_id, STAGE, stage)
        if present is None:
            raise StageEmptyError(
                "no version holds it, so there is nothing to roll back",
                field="stage",
                value=stage,
                remedy=f"`pedigree versions {self._model.name}` shows which stages are held",
            )
        target = rollback_target(
            self._transaction, self._model, present, stage, self._policy.from_on(stage)
        )
        self._leave(present, rule.name, ARCHIVED, ended_by="rollback")
        return self._enter(self._facts(target).version, rule, previous=present)

    def _demotes(self, stage: str) -> bool:
        """Return whether the drift sensor acts as the policy's drift rule states."""
        drift = self._policy.drift
        is_asked = drift is not None and (drift.action, drift.stage) == (DriftAction.DEMOTE, stage)
        return is_asked and self._actor == DRIFT_SENSOR

    def record_verdicts(
        self, version: int, verdicts: Sequence[Verdict]
    ) -> tuple[RecordedVerdict, ...]:
        """Write verdicts; a version whose registration checks now pass becomes a candidate.

        Raises:
            VersionNotFoundError: There is no such version.
        """
        written = insert_verdicts(self._transaction, self._model, version, verdicts, self._actor)
        bodies = [verdict.model_dump(mode="json") for verdict in verdicts]
        self._model.record(
            EventType.VERSION_CHECK_RECORDED, *bodies, version=version, actor=self._actor
        )
        facts = self._facts(version)
        # Read after the facts: in a pipeline, both come in one round trip.
        recorded = recorded_verdicts(written, verdicts, self._model.at, self._actor)
        self._become_candidate(facts)
        return recorded

    def _become_candidate(self, facts: VersionFacts) -> None:
        rule = self._policy.rule(CANDIDATE)
        if rule is None or facts.version.stage != NO_STAGE:
            return
        if explain_gates(self._seen, facts, rule, SENSOR).passed:
            self._enter(facts.version, rule)

    def _enter(
        self, version: ModelVersion, rule: StageRule, previous: Holder | None = None
    ) -> Move:
        if previous is None and rule.exclusive and rule.name in self._seen.held.stages:
            previous = holder(self._transaction, self._model.model_id, STAGE, rule.name)
            if previous is not None:
                self._leave(previous, rule.name, ARCHIVED, ended_by="promotion")
        if version.stage != NO_STAGE:
            end_stage(self._transaction, self._model, version.version_id, "move")
        begin_tenure(
            self._transaction,
            self._model,
            version.version_id,
            pointer=STAGE,
            name=rule.name,
            exclusive=rule.exclusive,
            actor=self._actor,
            reason=self._reason,
        )
        if version.approval_status is ApprovalStatus.APPROVED:
            use_approval(self._transaction, self._model, version.version_id, rule.name)
        generation, voided = self._advance()
        move = self._answer(
            rule.name, version, previous=previous, moved=True, generation=generation
        )
        self._record_move(version.version_id, version.digest, version.stage, move, voided)
        return move

    def _advance(self) -> tuple[int, list[int]]:
        """Count the move; return the new generation, and the versions whose approval is void."""
        return advance_generation(self._transaction, self._model)

    def _leave(self, leaving: Holder, stage: str, to: str, *, ended_by: str) -> None:
        end_stage(self._transaction, self._model, leaving.version, ended_by)
        begin_tenure(
            self._transaction,
            self._model,
            leaving.version,
            pointer=STAGE,
            name=to,
            exclusive=False,
            actor=self._actor,
            reason=self._reason,
        )
        self._record_stage(
            leaving.version,
            leaving.digest,
            {"from": stage, "to": to, "generation": self._model.generation + 1},
        )

    def _record_move(
        self, version: int, digest: str, left: str, move: Move, voided: list[int]
    ) -> None:
        body: dict[str, JsonValue] = {
            "from": left,
            "to": move.stage,
            "generation": move.generation,
            "previous_version": move.previous_version_id,
            "voided": [*voided],
        }
        self._record_stage(version, digest, body)

    def _record_stage(self, version: int, digest: str, body: dict[str, JsonValue]) -> None:
        """Record that a version is in another stage, and close the requests for that stage."""
        close_requests(
            self._transaction, self._model, version, self._actor, entered=str(body["to"])
        )
        known: dict[str, JsonValue] = {
            "previous_version": None,
            "digest": digest,
            "reason": self._reason,
            "run_id": self._run_id,
            "policy_revision": self._model.policy_revision,
        }
        self._model.record(
            EventType.VERSION_STAGE_CHANGED, known | body, version=version, actor=self._actor
        )

    def _answer(
        self,
        stage: str,
        version: ModelVersion,
        *,
        previous: Holder | None,
        moved: bool,
        generation: int | None = None,
    ) -> Move:
        return Move(
            model_name=self._model.name,
            stage=stage,
            version_id=version.version_id,
            digest=version.digest,
            previous_version_id=previous.version if previous else None,
            moved=moved,
            generation=self._model.generation if generation is None else generation,
        )

    def _facts(self, version: int) -> VersionFacts:
        return facts_of_version(self._transaction, self._seen, version)

    def _rule(self, stage: str) -> StageRule:
        rule = self._policy.rule(stage)
        if rule is None:
            raise unknown_stage(self._policy, stage)
        return rule

    def _pass_gates(self, facts: VersionFacts, rule: StageRule, asker: Requester) -> None:
        if asker.automatic and not rule.automatic:
            raise TransitionNotAllowedError(
                "a person enters it, not the sensor", field="stage", value=rule.name
            )
        explanation = explain_gates(self._seen, facts, rule, asker)
        expect_passed(explanation, self._policy, facts.version.stage)
