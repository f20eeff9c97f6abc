"""Transitions of versions between stages: promotion, rollback, and candidacy by passed checks."""

from collections.abc import Sequence

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import DRIFT_SENSOR
from pedigree.audit.event_types import EventType
from pedigree.catalog.model_changes import change_model
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import TransitionNotAllowedError
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
from pedigree.lifecycle.replaced_holders import others_to_archive, replaced
from pedigree.lifecycle.requester import SENSOR, Requester
from pedigree.lifecycle.stage_changes import Passage, StageChange
from pedigree.lifecycle.standing import people_of, require_mover, with_standing
from pedigree.lifecycle.store import (
    Holder,
    find_rollback,
    insert_verdicts,
    recorded_verdicts,
)
from pedigree.lifecycle.transition_errors import (
    expect_generation,
    expect_passed,
    next_step,
    unknown_stage,
)
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
        self,
        version: int,
        stage: str,
        asker: Requester,
        *,
        archive_existing: bool = False,
        expected_generation: int | None = None,
    ) -> Move:
        """Let a version enter a stage.

        If the version already holds the stage, and no other one is to be archived, nothing is
        written, and the result has ``moved = False``. So a promotion is idempotent.

        Raises:
            VersionNotFoundError: There is no such version.
            TransitionNotAllowedError: The policy has no such stage, or no transition into it from
                here, or none from it into the archive; or an alias has its name.
            GateNotPassedError: A gate is not passed.
            GenerationConflictError: The model's pointers moved since the caller read them.
        """
        rule = self._rule(stage)
        facts = self._facts(version)
        others: Sequence[Holder] = ()
        if archive_existing:
            model_id = self._model.model_id
            others = others_to_archive(self._transaction, model_id, self._policy, rule, version)
        if facts.version.stage == rule.name:
            return self._stay(facts.version, rule, others, expected_generation)
        if rule.name == ARCHIVED and facts.version.stage != NO_STAGE:
            # Archiving takes a version out of its stage, which is a move of that stage too.
            self._principal.require(Permission.MOVE, self._model.name, facts.version.stage)
        expect_generation(self._model, expected_generation)
        if asker.principal is not None:
            asker = asker._replace(principal=self._principal)
        self._pass_gates(facts, rule, asker)
        require_no_alias(self._seen.held, self._model.name, rule.name)
        return self._enter(facts.version, rule, others)

    def _stay(
        self,
        version: ModelVersion,
        rule: StageRule,
        others: Sequence[Holder],
        expected_generation: int | None,
    ) -> Move:
        if not others:
            return self._answer(rule.name, version, moved=False)
        require_mover(self._principal, self._model.name, rule.name, rule)
        expect_generation(self._model, expected_generation)
        change, staying = self._change(), Holder(version.version_id, version.digest)
        for each in others[:-1]:
            change.add(Passage(each, rule.name, ARCHIVED), staying, ended_by="promotion")
        last = Passage(others[-1], rule.name, ARCHIVED)
        generation = change.finish(last, staying, ended_by="promotion").generation
        return self._answer(
            rule.name, version, moved=False, archived=len(others), generation=generation
        )

    def demote(self, version: int, *, expected_generation: int | None = None) -> Move:
        """Let a version leave its stage and hold none, where the policy allows it.

        Nothing is written if it holds none, and the result has ``moved = False``.

        Raises:
            VersionNotFoundError: There is no such version.
            TransitionNotAllowedError: The policy has no way back to no stage.
            NotPermittedError: The policy names other promoters of the stage.
            GenerationConflictError: The model's pointers moved since the caller read them.
        """
        present = self._facts(version).version
        if present.stage == NO_STAGE:
            return self._answer(NO_STAGE, present, moved=False)
        if not self._policy.back_to_none:
            raise TransitionNotAllowedError(
                "the model's policy has no way back to no stage",
                field="stage",
                value=NO_STAGE,
                remedy=next_step(self._policy, present.stage),
            )
        rule = self._policy.rule(present.stage)
        require_mover(self._principal, self._model.name, present.stage, rule)
        expect_generation(self._model, expected_generation)
        leaving = Passage(Holder(version, present.digest), present.stage, NO_STAGE)
        changed = self._change().finish(leaving)
        return self._answer(NO_STAGE, present, generation=changed.generation)

    def confirm(self, version: int, stage: str) -> None:
        """Note that a version was asked into the stage that it has: nothing moves but its times."""
        body = {"stage_confirmed": stage}
        change_model(self._model, EventType.VERSION_UPDATED, body, self._actor, version=version)

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
        if not self._demotes(stage):
            require_mover(self._principal, self._model.name, stage, rule)
        expect_generation(self._model, expected_generation)
        found = find_rollback(
            self._transaction,
            self._model.model_id,
            self._model.name,
            stage,
            self._policy.from_on(stage),
        )
        returning = self._facts(found.returns).version
        return self._enter(returning, rule, [found.present], ended_by="rollback")

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
        leaving: Sequence[Holder] = (),
        *,
        ended_by: str = "promotion",
    ) -> Move:
        """Let a version enter a stage, and archive versions that hold it until then.

        Args:
            version: The version.
            rule: The rule of the stage.
            leaving: The versions to archive; the holder of an exclusive stage is one of them.
            ended_by: How their tenures end.
        """
        if not leaving and rule.name in self._seen.held.stages:
            leaving = replaced(self._transaction, self._model.model_id, rule)
        change, entering = self._change(), Holder(version.version_id, version.digest)
        for each in leaving:
            change.add(Passage(each, rule.name, ARCHIVED), entering, ended_by=ended_by)
        previous = leaving[-1].version if leaving else None
        changed = change.finish(
            Passage(entering, version.stage, rule.name),
            previous=previous,
            exclusive=rule.exclusive,
        )
        return self._answer(
            rule.name,
            version,
            previous=previous,
            archived=len(leaving),
            generation=changed.generation,
        )

    def _change(self) -> StageChange:
        return StageChange(
            self._transaction,
            self._model,
            self._policy,
            self._actor,
            reason=self._reason,
            run_id=self._run_id,
        )

    def _answer(
        self,
        stage: str,
        version: ModelVersion,
        *,
        previous: int | None = None,
        moved: bool = True,
        archived: int = 0,
        generation: int | None = None,
    ) -> Move:
        return Move(
            model_name=self._model.name,
            stage=stage,
            version_id=version.version_id,
            digest=version.digest,
            previous_version_id=previous,
            moved=moved,
            archived=archived,
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
