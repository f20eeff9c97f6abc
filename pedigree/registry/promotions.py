"""What a promotion waits for, and promotions that the sensor gave up."""

from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.contract.promotions import PromotionContract
from pedigree.lifecycle import pending_promotions as candidacies
from pedigree.lifecycle import promotion_attempts as attempted
from pedigree.lifecycle import promotion_queue as due
from pedigree.lifecycle.decision_records import (
    Candidacy,
    CandidateEvaluation,
    DuePromotion,
    Explanation,
    GivenUp,
)
from pedigree.lifecycle.requester import SENSOR, Requester
from pedigree.registry.context import ContextGroup


class PromotionOperations(ContextGroup, PromotionContract):
    """What a promotion waits for, and promotions that the sensor gave up."""

    def explain(
        self,
        reference: str,
        stage: str,
        *,
        automatic: bool = False,
        actor: Actor | None = None,
    ) -> Explanation:
        asker = SENSOR if automatic else Requester(self._context.principal(actor))
        return self._context.read_version(
            reference,
            lambda transaction, version: due.explain(
                transaction, version.model_name, version.version_id, stage, asker
            ),
        )

    def candidacies(self, reference: str) -> tuple[Candidacy, ...]:
        return self._context.read_version(reference, candidacies.candidacies)

    def retry_promotion(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> GivenUp:
        who = actor or self._context.actor()
        return self._context.update_version(
            Permission.MOVE,
            reference,
            lambda transaction, version: attempted.retry(transaction, version, stage, who, reason),
        )

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
        who = actor or self._context.actor()
        return self._context.database.transaction(
            lambda transaction: attempted.give_up(
                transaction, due, who, attempts=attempts, run_id=run_id, problem=problem
            )
        )

    def evaluate_candidates(self, name: str) -> CandidateEvaluation:
        """Evaluate the versions that wait for an automatic stage, and keep what they wait for.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """
        return self._context.database.transaction(
            lambda transaction: due.evaluate_candidates(transaction, name)
        )

    def names_to_evaluate(self) -> tuple[str, ...]:
        """Return the models with a candidate that may stand otherwise by now, by time alone."""
        return self._context.database.read(candidacies.names_to_evaluate)
