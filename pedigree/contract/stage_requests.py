"""Requests for stages: a version enters the stage when its last gate is passed."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Move


class StageRequestContract(Protocol):
    """Requests for stages: a version enters the stage when its last gate is passed."""

    def request_stage(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Move | StageRequest:
        """Request that a version enters a stage as soon as every gate is passed, possibly now.

        A request stays open until it is performed, withdrawn or rejected, or until the version
        enters another stage. If the same actor requests it again, the open request is returned.

        Args:
            reference: The version.
            stage: The stage.
            reason: The reason, for the timeline and the approvers.
            expected_generation: The model's generation that the caller read.
            actor: The requester; this process's actor when None.

        Raises:
            TransitionNotAllowedError: The policy has no transition from the current stage into it.
            GenerationConflictError: The model's pointers moved after the caller read them.
        """

    def withdraw_request(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> tuple[StageRequest, ...]:
        """Withdraw the open requests for a version's transition into a stage.

        Args:
            reference: The version.
            stage: The stage.
            reason: The reason, for the audit log.
            actor: Who withdraws them; this process's actor when None.

        Raises:
            NotFoundError: There is no open request.
            NotPermittedError: The requests are those of other people.
        """

    def stage_requests(
        self, name: str | None = None, *, limit: int = 100, after: int | None = None
    ) -> tuple[StageRequest, ...]:
        """Return the open requests for stages, the oldest first: the queue of the approvers.

        Args:
            name: Only requests for this model's versions; all when None.
            limit: How many at most.
            after: Only requests after this ``request_id``.

        Raises:
            ModelNotFoundError: There is no such model.
        """
