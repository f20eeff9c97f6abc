"""Stages: move versions into them, and read which version held them when."""

from datetime import datetime

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.stages import StageContract
from pedigree.errors import StageEmptyError
from pedigree.lifecycle.records import CHAMPION_STAGE, Move, Tenure


class RemoteStages(ServiceGroup, StageContract):
    """Stages: move versions into them, and read which version held them when."""

    def champion(self, name: str) -> ModelVersion | None:
        return self.holder(name, CHAMPION_STAGE)

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        path = self._service.model_path(paths.STAGE, name, stage=stage)
        try:
            return self._service.read(ModelVersion, path)
        except StageEmptyError:
            return None

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        archive_existing: bool = False,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        only_in_process(actor=actor, automatic=automatic, run_id=run_id)
        wanted = {
            "stage": stage,
            "archive_existing": archive_existing,
            "reason": reason,
            "expected_generation": expected_generation,
        }
        return self._service.write(
            Move, "POST", self._service.version_path(paths.VERSION_STAGE, reference), wanted
        )

    def demote(
        self,
        reference: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
    ) -> Move:
        path = self._service.version_path(paths.VERSION_STAGE, reference)
        return self._service.write(
            Move, "DELETE", path, reason=reason, expected_generation=expected_generation
        )

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
        only_in_process(actor=actor, run_id=run_id)
        wanted = {"stage": stage, "reason": reason, "expected_generation": expected_generation}
        return self._service.write(
            Move, "POST", self._service.model_path(paths.ROLLBACK, name), wanted
        )

    def timeline(
        self,
        name: str,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[Tenure, ...]:
        path = self._service.model_path(paths.TIMELINE, name)
        return self._service.items_before(Tenure, path, limit=limit, before=before, pointer=pointer)

    def as_of(
        self,
        name: str,
        moment: datetime,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        after: int | None = None,
    ) -> tuple[Tenure, ...]:
        path = self._service.model_path(paths.AS_OF, name)
        return self._service.items(
            Tenure, path, limit=limit, after=after, moment=moment.isoformat(), pointer=pointer
        )

    def tenures(self, reference: str, *, limit: int = PAGE, after: int = 0) -> tuple[Tenure, ...]:
        path = self._service.version_path(paths.TENURES, reference)
        return self._service.items(Tenure, path, limit=limit, after=after)
