"""Results of versions for each group of their evaluation data."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.evaluation.records import Evaluation, KeptEvaluation


class EvaluationContract(Protocol):
    """Results of versions for each group of their evaluation data."""

    def set_evaluation(
        self, reference: str, evaluation: Evaluation, *, actor: Actor | None = None
    ) -> None:
        """Store a version's results by group; an old version may be evaluated at any time."""

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        """Return a version's results by group; None if it has no evaluation."""
