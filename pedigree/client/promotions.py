"""Pending promotions: their gates, and those that the sensor gave up."""

from pydantic import BaseModel

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.promotions import PromotionContract
from pedigree.lifecycle.decision_records import Candidacy, Explanation, GivenUp


class _Explained(BaseModel):
    explanation: Explanation


class RemotePromotions(ServiceGroup, PromotionContract):
    """Pending promotions: their gates, and those that the sensor gave up."""

    def explain(
        self,
        reference: str,
        stage: str,
        *,
        automatic: bool = False,
        actor: Actor | None = None,
    ) -> Explanation:
        only_in_process(actor=actor)
        path = self._service.version_path(paths.EXPLANATION, reference)
        return self._service.read(
            _Explained, path, to=stage, automatic=automatic or None
        ).explanation

    def candidacies(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Candidacy, ...]:
        path = self._service.version_path(paths.CANDIDACIES, reference)
        return self._service.items(Candidacy, path, limit=limit, after=after)

    def retry_promotion(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> GivenUp:
        only_in_process(actor=actor)
        wanted = {"stage": stage, "reason": reason}
        return self._service.write(
            GivenUp, "POST", self._service.version_path(paths.RETRIES, reference), wanted
        )
