"""Results of versions for each group of their evaluation data."""

from pydantic import BaseModel

from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.evaluations import EvaluationContract
from pedigree.evaluation.records import Evaluation, KeptEvaluation


class _FoundEvaluation(BaseModel):
    evaluation: KeptEvaluation | None


class RemoteEvaluations(ServiceGroup, EvaluationContract):
    """Results of versions for each group of their evaluation data."""

    def set_evaluation(
        self, reference: str, evaluation: Evaluation, *, actor: Actor | None = None
    ) -> None:
        only_in_process(actor=actor)
        self._service.do("PUT", self._service.version_path(paths.EVALUATION, reference), evaluation)

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        return self._service.read(
            _FoundEvaluation, self._service.version_path(paths.EVALUATION, reference)
        ).evaluation
