"""Move versions between stages: promote, roll back, and become a candidate by passing checks."""

from pydantic import JsonValue

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import (
    GateNotPassedError,
    GenerationConflictError,
    NothingToRollBackError,
    StageEmptyError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.gates import evaluate_gates
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import (
    ARCHIVED,
    CANDIDATE,
    NO_STAGE,
    Gate,
    Move,
    Policy,
    RecordedVerdict,
    StageRule,
    Verdict,
)
from pedigree.lifecycle.store import (
    SQL,
    STAGE,
    Holder,
    VersionState,
    advance_generation,
    begin_tenure,
    end_stage,
    holder,
    insert_verdict,
    version_state,
)
from pedigree.postgres.transaction import Transaction


class Mover:
    """Moves versions of one model inside one transaction that holds the model's lock."""

    def __init__(
        self,
        transaction: Transaction,
        name: str,
        actor: Actor,
        *,
        reason: str | None = None,
        run_id: str | None = None,
    ) -> None:
        self._transaction = transaction
        self._actor = actor
        self._reason = reason
        self._run_id = run_id
        self._model: LockedModel = lock_model(transaction, name)
        self._policy: Policy = read_policy(self._model.policy)

    def promote(
        self, version: int, stage: str, *, expected_generation: int | None, automatic: bool
    ) -> Move:
        """Let a version enter a stage.

        A version that holds the stage already stays there: nothing is written, and the answer says
        ``moved = False``. So a promotion can be asked for twice.

        Raises:
            VersionNotFoundError: There is no such version.
            TransitionNotAllowedError: The policy has no such stage, or no way into it from here.
            GateNotPassedError: A gate is not passed.
            GenerationConflictError: Somebody moved the model's pointers since the caller looked.
        """
        rule = self._rule(stage)
        state = self._state(version)
        if state.stage == stage:
            return self._answer(stage, state, previous=None, moved=False)
        self._expect(expected_generation)
        self._pass_gates(state, rule, automatic)
        return self._enter(state, rule)

    def roll_back(self, stage: str) -> Move:
        """Return a stage to its previous holder; the present one is archived.

        Raises:
            StageEmptyError: No version holds the stage.
            NothingToRollBackError: There is no earlier holder that may still run.
        """
        rule = self._rule(stage)
        present = holder(self._transaction, self._model.model_id, STAGE, stage)
        if present is None:
            raise StageEmptyError(
                "no version holds it, so there is nothing to roll back",
                field="stage",
                value=stage,
                remedy=f"`pedigree versions {self._model.name}` shows which stages are held",
            )
        target = self._transaction.execute(
            SQL["rollback_target"],
            {"model_id": self._model.model_id, "name": stage, "holder": present.version},
        ).fetchone()
        if target is None:
            raise NothingToRollBackError(
                f"{self._model.name}/{present.version} has no earlier holder to return to",
                field="stage",
                value=stage,
                remedy="Promote the version that should hold it",
            )
        self._leave(present, rule.name, ARCHIVED, ended_by="rollback")
        return self._enter(self._state(target["version"]), rule, previous=present)

    def record_verdict(self, version: int, verdict: Verdict) -> RecordedVerdict:
        """Write a verdict; a version whose registration checks now pass becomes a candidate.

        Raises:
            VersionNotFoundError: There is no such version.
        """
        state = self._state(version)
        recorded = insert_verdict(self._transaction, self._model, version, verdict, self._actor)
        self._tell(EventType.VERSION_CHECK_RECORDED, version, verdict.model_dump(mode="json"))
        self._become_candidate(state)
        return recorded

    def _become_candidate(self, state: VersionState) -> None:
        rule = self._policy.rule(CANDIDATE)
        if rule is None or state.stage != NO_STAGE:
            return
        gates = self._gates(state, rule, automatic=True)
        if all(gate.passed for gate in gates):
            self._enter(state, rule)

    def _enter(self, state: VersionState, rule: StageRule, previous: Holder | None = None) -> Move:
        if previous is None and rule.exclusive:
            previous = holder(self._transaction, self._model.model_id, STAGE, rule.name)
            if previous is not None:
                self._leave(previous, rule.name, ARCHIVED, ended_by="promotion")
        end_stage(self._transaction, self._model, state.version, "move")
        begin_tenure(
            self._transaction,
            self._model,
            state.version,
            pointer=STAGE,
            name=rule.name,
            exclusive=rule.exclusive,
            actor=self._actor,
            reason=self._reason,
        )
        move = self._answer(
            rule.name,
            state,
            previous=previous,
            moved=True,
            generation=advance_generation(self._transaction, self._model),
        )
        self._tell_move(state.version, state.digest, state.stage, rule.name, move)
        return move

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
        self._tell_move(leaving.version, leaving.digest, stage, to, None)

    def _tell_move(
        self, version: int, digest: str, left: str, entered: str, move: Move | None
    ) -> None:
        body: dict[str, JsonValue] = {
            "from": left,
            "to": entered,
            "digest": digest,
            "previous_version": move.previous_version_id if move else None,
            "generation": move.generation if move else self._model.generation + 1,
            "reason": self._reason,
            "run_id": self._run_id,
        }
        self._tell(EventType.VERSION_STAGE_CHANGED, version, body)

    def _tell(self, event_type: EventType, version: int, body: dict[str, JsonValue]) -> None:
        log.record(
            self._transaction,
            event_type,
            model=self._model.name,
            version=version,
            at=self._model.at,
            actor=self._actor,
            body=body,
        )

    def _answer(
        self,
        stage: str,
        state: VersionState,
        *,
        previous: Holder | None,
        moved: bool,
        generation: int | None = None,
    ) -> Move:
        return Move(
            model_name=self._model.name,
            stage=stage,
            version_id=state.version,
            digest=state.digest,
            previous_version_id=previous.version if previous else None,
            moved=moved,
            generation=self._model.generation if generation is None else generation,
        )

    def _state(self, version: int) -> VersionState:
        return version_state(self._transaction, self._model.model_id, self._model.name, version)

    def _rule(self, stage: str) -> StageRule:
        rule = self._policy.rule(stage)
        if rule is None:
            raise unknown_stage(self._policy, stage)
        return rule

    def _expect(self, generation: int | None) -> None:
        if generation is not None and generation != self._model.generation:
            raise GenerationConflictError(
                f"the model's stages or aliases moved in the meantime, to {self._model.generation}",
                field="expected_generation",
                value=generation,
                remedy="Look again, and repeat the request if it is still right",
            )

    def _gates(self, state: VersionState, rule: StageRule, *, automatic: bool) -> tuple[Gate, ...]:
        return evaluate_gates(
            self._transaction,
            self._model.model_id,
            state,
            rule,
            at=self._model.at,
            automatic=automatic,
        )

    def _pass_gates(self, state: VersionState, rule: StageRule, automatic: bool) -> None:
        gates = self._gates(state, rule, automatic=automatic)
        reference = f"{self._model.name}/{state.version}"
        for gate in gates:
            if gate.name == "transition" and not gate.passed:
                raise TransitionNotAllowedError(
                    gate.reason,
                    field="stage",
                    value=rule.name,
                    remedy=_next_step(self._policy, state.stage),
                )
        if waits := [gate.reason for gate in gates if not gate.passed]:
            raise GateNotPassedError(
                f"{reference} waits for: {'; '.join(waits)}",
                field="stage",
                value=rule.name,
                remedy=f"`pedigree explain {reference} --to {rule.name}` shows every gate",
            )


def _next_step(policy: Policy, stage: str) -> str:
    ways = [rule.name for rule in policy.stages if stage in rule.after]
    return f"From {stage} a version goes to {' or '.join(ways) or 'no other stage'}"


def unknown_stage(policy: Policy, stage: str) -> TransitionNotAllowedError:
    """Return the error for a stage that a policy does not declare."""
    return TransitionNotAllowedError(
        "the model's policy has no such stage",
        field="stage",
        value=stage,
        remedy=f"Choose one of {', '.join(rule.name for rule in policy.stages)}",
    )
