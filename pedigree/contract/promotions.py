"""What a promotion waits for, and promotions that the sensor gave up."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import Candidacy, Explanation, GivenUp


class PromotionContract(Protocol):
    """What a promotion waits for, and promotions that the sensor gave up."""

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

    def candidacies(self, reference: str) -> tuple[Candidacy, ...]:
        """Return what a version waited for when it was last looked at, by stage."""

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
