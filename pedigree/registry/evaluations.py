"""How versions did for each group of their evaluation data."""

from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.evaluation import store
from pedigree.evaluation.records import Evaluation, KeptEvaluation
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import Session


class EvaluationOperations(Session):
    """Verbs for evaluations by group."""

    def set_evaluation(
        self, reference: str, evaluation: Evaluation, *, actor: Actor | None = None
    ) -> None:
        """Keep how a version did by group; an old version may be evaluated at any time."""
        actor = actor or self.actor()

        def write(transaction: Transaction, version: ModelVersion) -> None:
            store.set_evaluation(transaction, version, evaluation, actor)

        self._update_version(reference, write)

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        """Return how a version did by group; None where no evaluation is kept with it."""
        return self._read_version(reference, store.latest_evaluation)
