"""Stages: move versions into them, and say who held them when."""

from datetime import datetime
from typing import Protocol

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, Tenure


class StageContract(Protocol):
    """Stages: move versions into them, and say who held them when."""

    def champion(self, name: str) -> ModelVersion | None:
        """Return the version that holds production, if one does."""

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        """Return the version that took a stage last and holds it still, if one does.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Let a version enter a stage; one that holds it already stays, ``moved`` is False.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the timeline.
            expected_generation: The model's generation that the caller saw.
            automatic: No person asks, so a version that left the stage stays out.
            run_id: The Dagster run that asks.
            actor: Who asks; found out when None.

        Raises:
            TransitionNotAllowedError: The policy has no way into the stage from here.
            GateNotPassedError: A gate is not passed; the message lists what is missing.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """

    def rollback(
        self,
        name: str,
        *,
        stage: str = CHAMPION_STAGE,
        reason: str | None = None,
        expected_generation: int | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Return a stage to its previous holder; the present one is archived.

        Raises:
            StageEmptyError: No version holds the stage.
            NothingToRollBackError: There is no earlier holder that may still run.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """

    def timeline(
        self,
        name: str,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[Tenure, ...]:
        """Return which version held which stage and alias and when: the newest tenures, in order.

        Args:
            name: The model.
            pointer: Only this one: ``stage:production`` or ``alias:champion``.
            limit: How many at most.
            before: The ``tenure_id`` that the page after this one began with.

        Raises:
            ModelNotFoundError: There is none of that name.
            InvalidInputError: The pointer is neither a stage nor an alias.
        """

    def as_of(self, name: str, moment: datetime, pointer: str | None = None) -> tuple[Tenure, ...]:
        """Return what a model's stages and aliases pointed to at a moment, who moved them, and why.

        Args:
            name: The model.
            moment: With its time zone. A tenure holds from its beginning, until its end.
            pointer: Only this one: ``stage:production`` or ``alias:champion``.

        Raises:
            ModelNotFoundError: There is none of that name.
            InvalidInputError: The moment has no time zone, or the pointer is none.
        """

    def tenures(self, reference: str) -> tuple[Tenure, ...]:
        """Return which stages and aliases a version held and when, the oldest tenure first."""
