"""Requests for stages: a version enters the stage when its last gate is passed."""

from typing import Any

from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.stage_requests import StageRequestContract
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Move

_MOVE_OR_REQUEST: Any = Move | StageRequest


class RemoteStageRequests(ServiceGroup, StageRequestContract):
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
        only_in_process(actor=actor)
        wanted = {
            "stage": stage,
            "reason": reason,
            "expected_generation": expected_generation,
            "request": True,
        }
        path = self._service.version_path(paths.VERSION_STAGE, reference)
        answer: Move | StageRequest = self._service.write(_MOVE_OR_REQUEST, "POST", path, wanted)
        return answer

    def withdraw_request(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> tuple[StageRequest, ...]:
        only_in_process(actor=actor)
        path = self._service.version_path(paths.VERSION_REQUESTS, reference, stage=stage)
        return self._service.write(tuple[StageRequest, ...], "DELETE", path, reason=reason)

    def stage_requests(
        self, name: str | None = None, *, limit: int = 100, after: int | None = None
    ) -> tuple[StageRequest, ...]:
        path = (
            paths.REQUESTS if name is None else self._service.model_path(paths.MODEL_REQUESTS, name)
        )
        return self._service.items(StageRequest, path, limit=limit, after=after)
