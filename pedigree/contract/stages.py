"""Stages: move versions into them, and read which version held them when."""

from datetime import datetime
from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, Tenure


class StageContract(Protocol):
    """Stages: move versions into them, and read which version held them when."""

    def champion(self, name: str) -> ModelVersion | None:
        """Return the version in production; None if there is none."""

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        """Return the version that entered a stage last and is still in it; None if there is none.

        Raises:
            ModelNotFoundError: There is no such model.
        """

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        archive_existing: bool = False,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: Key | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Promote a version into a stage; ``moved`` is False if the version is already in it.

        Args:
            reference: The version.
            stage: The stage.
            archive_existing: All other versions that hold the stage are archived with it.
            reason: The reason, for the timeline.
            expected_generation: The model's generation that the caller read.
            automatic: No person promotes, so a version that left the stage does not enter it again.
            run_id: The Dagster run that promotes.
            actor: Who promotes; this process's actor when None.

        Raises:
            TransitionNotAllowedError: The policy has no transition from the current stage into it,
                or none from it into the archive.
            GateNotPassedError: A gate is not passed; the message lists what is missing.
            GenerationConflictError: The model's pointers moved after the caller read them.
        """

    def demote(
        self,
        reference: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
    ) -> Move:
        """Let a version leave its stage and be in none; ``moved`` is False if it is in none.

        Args:
            reference: The version.
            reason: The reason, for the timeline.
            expected_generation: The model's generation that the caller read.

        Raises:
            TransitionNotAllowedError: The policy does not say ``back_to_none: true``.
            NotPermittedError: The policy names other promoters of the stage.
            GenerationConflictError: The model's pointers moved after the caller read them.
        """

    def rollback(
        self,
        name: str,
        *,
        stage: str = CHAMPION_STAGE,
        reason: str | None = None,
        expected_generation: int | None = None,
        run_id: Key | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Roll a stage back to its previous version; the current one is archived.

        Raises:
            StageEmptyError: No version is in the stage.
            NothingToRollBackError: No earlier version of the stage may still run.
            GenerationConflictError: The model's pointers moved after the caller read them.
        """

    def timeline(
        self,
        name: str,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[Tenure, ...]:
        """Return which version held which stage or alias when: the newest tenures, in order.

        Args:
            name: The model.
            pointer: Only this pointer, such as ``stage:production`` or ``alias:champion``.
            limit: How many at most.
            before: The first ``tenure_id`` of the page that follows this one.

        Raises:
            ModelNotFoundError: There is no such model.
            InvalidInputError: The pointer is neither a stage nor an alias.
        """

    def as_of(
        self,
        name: str,
        moment: datetime,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        after: int | None = None,
    ) -> tuple[Tenure, ...]:
        """Return what a model's stages and aliases pointed to at a time, who moved them, and why.

        Many versions may share a stage, so this is a page: by pointer, then by version.

        Args:
            name: The model.
            moment: The time, with a time zone. A tenure includes its start and excludes its end.
            pointer: Only this pointer, such as ``stage:production`` or ``alias:champion``.
            limit: How many at most.
            after: The last ``tenure_id`` of the previous page.

        Raises:
            ModelNotFoundError: There is no such model.
            InvalidInputError: The time has no time zone, or the pointer is neither a stage nor an
                alias.
        """

    def tenures(self, reference: str, *, limit: int = PAGE, after: int = 0) -> tuple[Tenure, ...]:
        """Return a page of the stages and aliases that a version held, the oldest tenure first.

        Args:
            reference: The version.
            limit: How many at most.
            after: The last ``tenure_id`` of the previous page.
        """
