"""Pending promotions: their gates, and those that the sensor gave up."""

from pedigree._record import PAGE
from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.contract.promotions import PromotionContract
from pedigree.lifecycle import pending_promotions as candidacies
from pedigree.lifecycle import promotion_attempts, promotion_queue
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
    """Pending promotions: their gates, and those that the sensor gave up."""

    def explain(
        self,
        reference: str,
        stage: str,
        *,
        automatic: bool = False,
        actor: Actor | None = None,
    ) -> Explanation:
        requester = SENSOR if automatic else Requester(self._context.principal(actor))
        return self._context.read_version(
            reference,
            lambda transaction, version: promotion_queue.explain(
                transaction, version.model_name, version.version_id, stage, requester
            ),
        )

    def candidacies(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Candidacy, ...]:
        return self._context.read_version(
            reference,
            lambda transaction, version: candidacies.candidacies(
                transaction, version, limit=limit, after=after
            ),
        )

    def retry_promotion(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> GivenUp:
        who = self._context.actor(actor)
        return self._context.update_version(
            Permission.MOVE,
            reference,
            lambda transaction, version: promotion_attempts.retry(
                transaction, version, stage, who, reason
            ),
            stage=stage,
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
        """Record once that the promotion sensor gave up a promotion in the version's current state.

        Args:
            due: The promotion.
            attempts: The number of failed runs.
            run_id: The last failed run.
            problem: Why it failed.
            actor: The sensor; this process's actor when None.

        Raises:
            ModelNotFoundError: The model was deleted in the meantime.
        """
        who = self._context.actor(actor)
        return self._context.database.transaction(
            lambda transaction: promotion_attempts.give_up(
                transaction, due, who, attempts=attempts, run_id=run_id, problem=problem
            )
        )

    def evaluate_candidates(self, name: str) -> CandidateEvaluation:
        """Evaluate the versions that wait for an automatic stage, and store their open gates.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        found = self._context.database.transaction(
            lambda transaction: promotion_queue.evaluate_candidates(transaction, name)
        )
        return with_names(found, self._context.names)

    def names_to_evaluate(self) -> tuple[str, ...]:
        """Return the models with a candidate whose gates may have changed by time alone."""
        return self._context.database.read(candidacies.names_to_evaluate)
