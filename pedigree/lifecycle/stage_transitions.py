"""Transitions of versions between stages: promotion, rollback, and candidacy by passed checks."""

from collections.abc import Sequence

from pydantic import JsonValue

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import DRIFT_SENSOR
from pedigree.audit.event_types import EventType
from pedigree.catalog.model_changes import ModelChange
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import (
    NotPermittedError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.gate_facts import VersionFacts
from pedigree.lifecycle.gate_inputs import facts_of_locked, facts_of_version
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
    close_requests,
    find_rollback,
    holder,
    insert_verdicts,
    recorded_verdicts,
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
        found = find_rollback(
            self._transaction,
            self._model.model_id,
            self._model.name,
            stage,
            self._policy.from_on(stage),
        )
        returning = self._facts(found.returns).version
        return self._enter(returning, rule, found.present, ended_by="rollback")

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
        self,
        version: ModelVersion,
        rule: StageRule,
        previous: Holder | None = None,
        *,
        ended_by: str = "promotion",
    ) -> Move:
        """Let a version enter a stage; the previous holder of an exclusive one is archived."""
        if previous is None and rule.exclusive and rule.name in self._seen.held.stages:
            previous = holder(self._transaction, self._model.model_id, STAGE, rule.name)
        change = ModelChange(self._model, self._actor)
        if previous is not None:
            body: dict[str, JsonValue] = {"from": rule.name, "to": ARCHIVED}
            self._change_stage(change, previous, body, ended_by=ended_by, exclusive=False)
        body = {
            "from": version.stage,
            "to": rule.name,
            "previous_version": previous.version if previous else None,
            "voided": change.voided,
        }
        entering = Holder(version.version_id, version.digest)
        self._change_stage(change, entering, body, ended_by="move", exclusive=rule.exclusive)
        changed = change.apply()
        return self._answer(
            rule.name, version, previous=previous, moved=True, generation=changed.generation
        )

    def _change_stage(
        self,
        change: ModelChange,
        moving: Holder,
        body: dict[str, JsonValue],
        *,
        ended_by: str,
        exclusive: bool,
    ) -> None:
        """Add that a version is in another stage, and close the requests for that stage."""
        close_requests(
            self._transaction, self._model, moving.version, self._actor, entered=str(body["to"])
        )
        known: dict[str, JsonValue] = {
            "previous_version": None,
            "digest": moving.digest,
            "generation": change.generation,
            "reason": self._reason,
            "run_id": self._run_id,
            "policy_revision": self._model.policy_revision,
        }
        change.add(
            EventType.VERSION_STAGE_CHANGED,
            known | body,
            version=moving.version,
            ended_by=ended_by,
            exclusive=exclusive,
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
