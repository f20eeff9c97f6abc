"""How versions did for each group of their evaluation data."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.evaluation.records import Evaluation, KeptEvaluation


class EvaluationContract(Protocol):
    """How versions did for each group of their evaluation data."""

    def set_evaluation(
        self, reference: str, evaluation: Evaluation, *, actor: Actor | None = None
    ) -> None:
        """Keep how a version did by group; an old version may be evaluated at any time."""

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        """Return how a version did by group; None where no evaluation is kept with it."""
