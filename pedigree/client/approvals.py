"""Decisions about a version's transition into a stage: approvals, rejections and overrides."""

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.approvals import ApprovalContract
from pedigree.lifecycle.decision_records import Decision, StageOverride
from pedigree.lifecycle.records import Move


class RemoteApprovals(ServiceGroup, ApprovalContract):
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
        only_in_process(actor=actor)
        return self._decide(reference, stage, True, comment, expected_generation)

    def reject(
        self,
        reference: str,
        stage: str,
        *,
        comment: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Decision:
        only_in_process(actor=actor)
        return self._decide(reference, stage, False, comment, expected_generation)

    def decisions(
        self, reference: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[Decision, ...]:
        path = self._service.version_path(paths.APPROVALS, reference)
        return self._service.items(Decision, path, limit=limit, after=after)

    def override(
        self,
        reference: str,
        stage: str,
        *,
        reason: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Move:
        only_in_process(actor=actor)
        wanted = {"stage": stage, "reason": reason, "expected_generation": expected_generation}
        return self._service.write(
            Move, "POST", self._service.version_path(paths.OVERRIDES, reference), wanted
        )

    def overrides(
        self, reference: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[StageOverride, ...]:
        path = self._service.version_path(paths.OVERRIDES, reference)
        return self._service.items(StageOverride, path, limit=limit, after=after)

    def _decide(
        self,
        reference: str,
        stage: str,
        approved: bool,
        comment: str,
        expected_generation: int | None,
    ) -> Decision:
        judgement = {
            "stage": stage,
            "approved": approved,
            "comment": comment,
            "expected_generation": expected_generation,
        }
        return self._service.write(
            Decision, "POST", self._service.version_path(paths.APPROVALS, reference), judgement
        )
