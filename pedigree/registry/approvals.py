"""Decisions about a version's transition into a stage: approvals, rejections and overrides."""

from collections.abc import Collection

from pedigree._record import PAGE
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.contract.approvals import ApprovalContract
from pedigree.errors import (
    GenerationConflictError,
    NotPermittedError,
    TransitionNotAllowedError,
    VersionNotFoundError,
)
from pedigree.lifecycle import approvals, automatic_approvals, overrides
from pedigree.lifecycle.approvals import DecisionInput
from pedigree.lifecycle.decision_records import Decision, StageOverride
from pedigree.lifecycle.records import Move
from pedigree.registry.context import Context
from pedigree.registry.stage_requests import StageRequestOperations

_OVERTAKEN = (
    GenerationConflictError,
    NotPermittedError,
    TransitionNotAllowedError,
    VersionNotFoundError,
)


class ApprovalOperations(ApprovalContract):
    """Decisions about a version's transition into a stage: approvals, rejections and overrides."""

    def __init__(self, context: Context, stage_requests: StageRequestOperations) -> None:
        self._context = context
        self._stage_requests = stage_requests

    def approve(
        self,
        reference: str,
        stage: str,
        *,
        comment: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Decision:
        judgement = DecisionInput(True, comment, self._context.principal(actor))
        return self._decide(reference, stage, judgement, expected_generation)

    def reject(
        self,
        reference: str,
        stage: str,
        *,
        comment: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Decision:
        judgement = DecisionInput(False, comment, self._context.principal(actor))
        return self._decide(reference, stage, judgement, expected_generation)

    def decisions(
        self, reference: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[Decision, ...]:
        return self._context.read_version(
            reference,
            lambda transaction, version: approvals.decisions(
                transaction, version, limit=limit, after=after
            ),
        )

    def override(
        self,
        reference: str,
        stage: str,
        *,
        reason: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Move:
        by = self._context.principal(actor)
        return self._context.update_version(
            Permission.OVERRIDE,
            reference,
            lambda transaction, version: overrides.override(
                transaction,
                version,
                stage,
                reason=reason,
                by=by,
                expected_generation=expected_generation,
            ),
            stage=stage,
        )

    def overrides(
        self, reference: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[StageOverride, ...]:
        return self._context.read_version(
            reference,
            lambda transaction, version: overrides.overrides(
                transaction, version, limit=limit, after=after
            ),
        )

    def approve_automatically(self, name: str) -> tuple[Decision, ...]:
        """Let automatic approvers of a model's policy decide, and perform the requests that wait.

        A callable runs here, without a lock. Its approval is valid for the state that it was asked
        about: if that has changed since, nothing is written, and it is asked again.

        Raises:
            ModelNotFoundError: There is no such model.
            MissingDependencyError: An approver is not installed in this process.
            InvalidInputError: An approver returned something else than a reason.
        """
        wanted = self._context.database.read(
            lambda transaction: automatic_approvals.wanted_approvals(transaction, name)
        )
        decided = []
        for each in wanted:
            reason = each.reason()
            if reason is None:
                continue
            actor = Actor(name=each.approver.principal, source="policy")
            judgement = DecisionInput(True, reason, Principal(actor=actor), each.approver)
            try:
                decided.append(
                    self._decide(
                        each.asked.version.reference, each.asked.stage, judgement, each.generation
                    )
                )
            except _OVERTAKEN:
                break  # an earlier approval was the last gate, or somebody else changed the state
        return tuple(decided)

    def names_with_approvers(self, among: Collection[str] | None) -> tuple[str, ...]:
        """Return the models whose policy has automatic approvers: of the given ones, or all."""
        return self._context.database.read(
            lambda transaction: automatic_approvals.names_with_approvers(transaction, among)
        )

    def _decide(
        self, reference: str, stage: str, judgement: DecisionInput, expected_generation: int | None
    ) -> Decision:
        return self._stage_requests.with_requests(
            Permission.DECIDE,
            reference,
            lambda transaction, version: approvals.decide(
                transaction, version, stage, judgement, expected_generation=expected_generation
            ),
            stage=stage,
        )
