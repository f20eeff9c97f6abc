"""Pending promotions: their gates, and those that the sensor gave up."""

from typing import Protocol

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import Candidacy, Explanation, GivenUp


class PromotionContract(Protocol):
    """Pending promotions: their gates, and those that the sensor gave up."""

    def explain(
        self,
        reference: str,
        stage: str,
        *,
        automatic: bool = False,
        actor: Actor | None = None,
    ) -> Explanation:
        """Return a version's state at every gate of a stage.

        Args:
            reference: The version.
            stage: The stage.
            automatic: Explain a promotion by the sensor instead of by a person.
            actor: The person who would promote; this process's actor when None.
        """

    def candidacies(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Candidacy, ...]:
        """Return a page of the gates that a version waited for when last evaluated, by stage.

        Args:
            reference: The version.
            limit: How many at most.
            after: The last ``stage`` of the previous page.
        """

    def retry_promotion(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> GivenUp:
        """Make the promotion sensor retry a promotion that it gave up, from its next tick on.

        Args:
            reference: The version.
            stage: The stage.
            reason: The reason, for the audit log.
            actor: Who requests the retry; this process's actor when None.

        Raises:
            NotFoundError: The sensor has not given up this promotion.
        """
