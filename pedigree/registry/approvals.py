"""What people decide about versions, and what versions wait for."""

from pedigree.audit.records import Actor
from pedigree.lifecycle import approvals
from pedigree.lifecycle import pending_promotions as candidacies
from pedigree.lifecycle import promotion_attempts as attempted
from pedigree.lifecycle import promotion_queue as due
from pedigree.lifecycle.approvals import DecisionInput
from pedigree.lifecycle.decision_records import (
    Candidacy,
    CandidateEvaluation,
    Decision,
    DuePromotion,
    Explanation,
    GivenUp,
)
from pedigree.lifecycle.gates import SENSOR, Requester
from pedigree.registry.stage_requests import RequestOperations


class DecidingOperations(RequestOperations):
    """Verbs that say yes or no, and say what is missing."""

    def approve(
        self,
        reference: str,
        stage: str,
        *,
        comment: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Decision:
        """Approve a version's way from the stage it is in into another.

        The approval holds for the version's bytes and until any stage or alias of the model moves.
        When it passes the last gate of what somebody asked for, the version enters the stage.

        Args:
            reference: The version.
            stage: The stage that it may enter.
            comment: Why, for the audit log.
            expected_generation: The model's generation that the approver saw.
            actor: Who approves; found out when None.

        Raises:
            NotPermittedError: The policy lets others decide, or the version is the actor's own.
            TransitionNotAllowedError: The policy has no way into the stage from here.
            GenerationConflictError: The model's pointers moved since the approver looked.
        """
        judgement = DecisionInput(True, comment, actor or self.actor())
        return self._decide(reference, stage, judgement, expected_generation)

    def reject(
        self,
        reference: str,
        stage: str,
        *,
        comment: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Decision:
        """Say no to a version: it enters no stage until somebody approves it anew.

        Args and errors are those of :meth:`approve`.
        """
        judgement = DecisionInput(False, comment, actor or self.actor())
        return self._decide(reference, stage, judgement, expected_generation)

    def _decide(
        self, reference: str, stage: str, judgement: DecisionInput, expected_generation: int | None
    ) -> Decision:
        return self._with_requests(
            reference,
            lambda transaction, version: approvals.decide(
                transaction, version, stage, judgement, expected_generation=expected_generation
            ),
        )

    def decisions(self, reference: str) -> tuple[Decision, ...]:
        """Return what people decided about a version, in its order."""
        return self._read_version(reference, approvals.decisions)

    def give_up_promotion(
        self,
        due: DuePromotion,
        *,
        attempts: int,
        run_id: str,
        problem: str,
        actor: Actor | None = None,
    ) -> bool:
        """Keep that the promotion sensor has given up, as the version stands now; once.

        Args:
            due: The promotion.
            attempts: How many runs have failed.
            run_id: The last of them.
            problem: Why it failed.
            actor: The sensor; found out when None.

        Raises:
            ModelNotFoundError: The model was deleted meanwhile.
        """
        who = actor or self.actor()
        return self.database.transaction(
            lambda transaction: attempted.give_up(
                transaction, due, who, attempts=attempts, run_id=run_id, problem=problem
            )
        )

    def retry_promotion(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> GivenUp:
        """Let the promotion sensor try again what it gave up: at its next tick, as from new.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the audit log.
            actor: Who asks; found out when None.

        Raises:
            NotFoundError: The sensor has given up no such promotion.
        """
        who = actor or self.actor()
        return self._update_version(
            reference,
            lambda transaction, version: attempted.retry(transaction, version, stage, who, reason),
        )

    def explain(
        self,
        reference: str,
        stage: str,
        *,
        automatic: bool = False,
        actor: Actor | None = None,
    ) -> Explanation:
        """Say how a version stands before every gate of a stage.

        Args:
            reference: The version.
            stage: The stage.
            automatic: As the sensor would ask, instead of a person.
            actor: The person who would promote; found out when None.
        """
        asker = SENSOR if automatic else Requester((actor or self.actor()).name)
        return self._read_version(
            reference,
            lambda transaction, version: due.explain(
                transaction, version.model_name, version.version_id, stage, asker
            ),
        )

    def evaluate_candidates(self, name: str) -> CandidateEvaluation:
        """Evaluate the versions that wait for an automatic stage, and keep what they wait for.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """
        return self.database.transaction(
            lambda transaction: due.evaluate_candidates(transaction, name)
        )

    def candidacies(self, reference: str) -> tuple[Candidacy, ...]:
        """Return what a version waited for when it was last looked at, by stage."""
        return self._read_version(reference, candidacies.candidacies)

    def names_to_evaluate(self) -> tuple[str, ...]:
        """Return the models with a candidate that may stand otherwise by now, by time alone."""
        return self.database.read(candidacies.names_to_evaluate)
