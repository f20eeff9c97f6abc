"""Approvals and rejections of a version's transition into a stage."""

from typing import Protocol

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import Decision


class ApprovalContract(Protocol):
    """Approvals and rejections of a version's transition into a stage."""

    def approve(
        self,
        reference: str,
        stage: str,
        *,
        comment: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Decision:
        """Approve a version's transition from its current stage into another.

        The approval is valid for the version's bytes, until any stage or alias of the model moves.
        When it passes the last gate of an open request, the version enters the stage.

        Args:
            reference: The version.
            stage: The stage that it may enter.
            comment: The reason, for the audit log.
            expected_generation: The model's generation that the approver read.
            actor: The approver; this process's actor when None.

        Raises:
            NotPermittedError: The policy names other approvers, or the version is the actor's own.
            TransitionNotAllowedError: The policy has no transition from the current stage into it.
            GenerationConflictError: The model's pointers moved after the approver read them.
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
        """Reject a version: it enters no stage until somebody approves it again.

        The arguments and errors are those of :meth:`approve`.
        """

    def decisions(
        self, reference: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[Decision, ...]:
        """Return a page of the approvals and rejections of a version, the oldest first.

        Args:
            reference: The version.
            limit: How many at most.
            after: The last ``decision_id`` of the previous page.
        """
