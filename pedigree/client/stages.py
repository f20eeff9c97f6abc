"""Stages, aliases and decisions over HTTP: what moves a version, and what it waits for."""

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from pedigree.audit.records import Actor
from pedigree.catalog.names import validate_alias
from pedigree.catalog.records import ModelVersion
from pedigree.client._session import ServiceSession, only_in_process
from pedigree.errors import StageEmptyError
from pedigree.lifecycle.decision_records import (
    Candidacy,
    Decision,
    Explanation,
    GivenUp,
    StageRequest,
)
from pedigree.lifecycle.records import CHAMPION_STAGE, Move


class _Explained(BaseModel):
    explanation: Explanation


_MOVE_OR_REQUEST: Any = Move | StageRequest


class StageOperations(ServiceSession):
    """Verbs that move versions; each does what its namesake of ``Registry`` does.

    Who acts is whose token it is.
    """

    def champion(self, name: str) -> ModelVersion | None:
        """Return the version that holds production, if one does."""
        return self.holder(name, CHAMPION_STAGE)

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        """Return the version that took a stage last and holds it still, if one does."""
        path = self._model_path(name, f"/stages/{quote(stage, safe='')}")
        try:
            return self._read(ModelVersion, path)
        except StageEmptyError:
            return None

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Let a version enter a stage; one that holds it already stays, ``moved`` is False."""
        only_in_process(actor=actor, automatic=automatic, run_id=run_id)
        wanted = {"stage": stage, "reason": reason, "expected_generation": expected_generation}
        return self._write(Move, "POST", self._version_path(reference, "/stage"), wanted)

    def request_stage(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        only_asks: bool = False,
        actor: Actor | None = None,
    ) -> Move | StageRequest:
        """Let a version enter a stage as soon as every gate is passed: now or with the last one.

        Whether somebody else must approve follows from what the token may do.
        """
        only_in_process(actor=actor, only_asks=only_asks)
        wanted = {
            "stage": stage,
            "reason": reason,
            "expected_generation": expected_generation,
            "request": True,
        }
        path = self._version_path(reference, "/stage")
        answer: Move | StageRequest = self._write(_MOVE_OR_REQUEST, "POST", path, wanted)
        return answer

    def withdraw_request(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        only_asks: bool = False,
        actor: Actor | None = None,
    ) -> tuple[StageRequest, ...]:
        """Take back what was asked for a version: the open requests for its way into a stage."""
        only_in_process(actor=actor, only_asks=only_asks)
        path = self._version_path(reference, f"/requests/{quote(stage, safe='')}")
        return self._write(tuple[StageRequest, ...], "DELETE", path, reason=reason)

    def stage_requests(
        self, name: str | None = None, *, limit: int = 100, after: int | None = None
    ) -> tuple[StageRequest, ...]:
        """Return the open requests for stages, the oldest first: what waits for approvers."""
        path = "/requests" if name is None else self._model_path(name, "/requests")
        return self._items(StageRequest, path, limit=limit, after=after)

    def retry_promotion(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> GivenUp:
        """Let the promotion sensor try again what it gave up: at its next tick, as from new."""
        only_in_process(actor=actor)
        wanted = {"stage": stage, "reason": reason}
        return self._write(GivenUp, "POST", self._version_path(reference, "/retries"), wanted)

    def rollback(
        self,
        name: str,
        *,
        stage: str = CHAMPION_STAGE,
        reason: str | None = None,
        expected_generation: int | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Return a stage to its previous holder; the present one is archived."""
        only_in_process(actor=actor, run_id=run_id)
        wanted = {"stage": stage, "reason": reason, "expected_generation": expected_generation}
        return self._write(Move, "POST", self._model_path(name, "/rollback"), wanted)

    def set_alias(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        expected_generation: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Let an alias point to a version; it leaves whichever had it."""
        target = {
            "version": version,
            "reason": reason,
            "expected_generation": expected_generation,
        }
        self._do("PUT", self._pointer_path(name, validate_alias(alias, frozenset())), target)

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Take an alias away."""
        self._do("DELETE", self._pointer_path(name, alias), reason=reason)

    def approve(
        self,
        reference: str,
        stage: str,
        *,
        comment: str,
        expected_generation: int | None = None,
        actor: Actor | None = None,
    ) -> Decision:
        """Approve a version's way from the stage it is in into another."""
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
        """Say no to a version: it enters no stage until somebody approves it anew."""
        only_in_process(actor=actor)
        return self._decide(reference, stage, False, comment, expected_generation)

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
        return self._write(Decision, "POST", self._version_path(reference, "/approvals"), judgement)

    def decisions(self, reference: str) -> tuple[Decision, ...]:
        """Return what people decided about a version, in its order."""
        path = self._version_path(reference, "/approvals")
        return self._read(dict[str, tuple[Decision, ...]], path)["decisions"]

    def explain(
        self,
        reference: str,
        stage: str,
        *,
        automatic: bool = False,
        actor: Actor | None = None,
    ) -> Explanation:
        """Say how a version stands before every gate of a stage."""
        only_in_process(actor=actor)
        path = self._version_path(reference, "/explain")
        return self._read(_Explained, path, to=stage, automatic=automatic or None).explanation

    def candidacies(self, reference: str) -> tuple[Candidacy, ...]:
        """Return what a version waited for when it was last looked at, by stage."""
        return self._read(tuple[Candidacy, ...], self._version_path(reference, "/candidacies"))
