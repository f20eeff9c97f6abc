"""Approvals and rejections of a version's way into a stage."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import Decision


class ApprovalContract(Protocol):
    """Approvals and rejections of a version's way into a stage."""

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

    def decisions(self, reference: str) -> tuple[Decision, ...]:
        """Return what people decided about a version, in its order."""
