"""Decisions about a version's transition into a stage: approvals, rejections and overrides."""

from typing import Protocol

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import Decision, StageOverride
from pedigree.lifecycle.records import Move


class ApprovalContract(Protocol):
    """Decisions about a version's transition into a stage: approvals, rejections and overrides."""

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

    def override(
        self,
        reference: str,
        stage: str,
        *,
        reason: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Let a version enter a stage although it has not passed every gate.

        It needs a permission of its own, in this stage. It is not an approval, and voids none. The
        version always shows it.

        Args:
            reference: The version.
            stage: The stage that it enters; the policy has a transition into it from here.
            reason: The reason, for the audit log and the timeline.
            expected_generation: The model's generation that the caller read.
            actor: Who overrides; this process's actor when None.

        Raises:
            NotPermittedError: The version is the actor's own.
            TransitionNotAllowedError: The policy has no transition from the current stage into it,
                or the version has passed every gate.
            GateNotPassedError: The version is in quarantine.
            GenerationConflictError: The model's pointers moved after the caller read them.
        """

    def overrides(
        self, reference: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[StageOverride, ...]:
        """Return a page of the overrides of a version, the oldest first.

        Args:
            reference: The version.
            limit: How many at most.
            after: The last ``override_id`` of the previous page.
        """
