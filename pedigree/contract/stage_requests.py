"""Requests for stages, which a version enters when its last gate is passed."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Move


class StageRequestContract(Protocol):
    """Requests for stages, which a version enters when its last gate is passed."""

    def request_stage(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Move | StageRequest:
        """Let a version enter a stage as soon as every gate is passed: now or with the last one.

        A request stays open until it is performed, withdrawn or rejected, or until the version
        goes elsewhere. Asked for again by the same person, the one that is open is returned.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the timeline and for who approves.
            expected_generation: The model's generation that the caller saw.
            actor: Who asks; found out when None.

        Raises:
            TransitionNotAllowedError: The policy has no way into the stage from here.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """

    def withdraw_request(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> tuple[StageRequest, ...]:
        """Take back what was asked for a version: the open requests for its way into a stage.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the audit log.
            actor: Who does it; found out when None.

        Raises:
            NotFoundError: There is none.
            NotPermittedError: They are others'.
        """

    def stage_requests(
        self, name: str | None = None, *, limit: int = 100, after: int | None = None
    ) -> tuple[StageRequest, ...]:
        """Return the open requests for stages, the oldest first: what waits for approvers.

        Args:
            name: Those for this model's versions; all when None.
            limit: How many at most.
            after: Only those behind this ``request_id``.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """
