"""Results of versions for each group of their evaluation data."""

from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.contract.evaluations import EvaluationContract
from pedigree.evaluation import store
from pedigree.evaluation.records import Evaluation, KeptEvaluation
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class EvaluationOperations(ContextGroup, EvaluationContract):
    """Results of versions for each group of their evaluation data."""

    def set_evaluation(
        self, reference: str, evaluation: Evaluation, *, actor: Actor | None = None
    ) -> None:
        actor = self._context.actor(actor)

        def write(transaction: Transaction, version: ModelVersion) -> None:
            store.set_evaluation(transaction, version, evaluation, actor)

        self._context.update_version(Permission.DESCRIBE, reference, write)

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        return self._context.read_version(reference, store.latest_evaluation)
