"""Approvals and rejections of a version's transition into a stage."""

from pedigree._record import PAGE
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.contract.approvals import ApprovalContract
from pedigree.lifecycle import approvals
from pedigree.lifecycle.approvals import DecisionInput
from pedigree.lifecycle.decision_records import Decision
from pedigree.registry.context import Context
from pedigree.registry.stage_requests import StageRequestOperations


class ApprovalOperations(ApprovalContract):
    """Approvals and rejections of a version's transition into a stage."""

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
