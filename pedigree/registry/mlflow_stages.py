"""Stages as clients of MLflow name them."""

from pedigree.access.records import Permission
from pedigree.catalog.references import Reference
from pedigree.errors import TransitionNotAllowedError
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.kept_moves import move_or_keep, require_moved
from pedigree.lifecycle.records import NO_STAGE, Move
from pedigree.lifecycle.requester import Requester, StageRequestInput
from pedigree.lifecycle.shown_stages import stage_asked_for
from pedigree.lifecycle.stage_names import MlflowStage
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context, ContextGroup
from pedigree.registry.policies import PolicyOperations


class MlflowStageOperations(ContextGroup):
    """Stages as clients of MLflow name them.

    Args:
        context: The database and the principal.
        policies: Reads policies.
    """

    def __init__(self, context: Context, policies: PolicyOperations) -> None:
        super().__init__(context)
        self._policies = policies

    def move(self, name: str, version: int, shown: MlflowStage, *, archive_existing: bool) -> None:
        """Move a version into the stage that clients see as a stage of MLflow.

        A version that has the stage stays there. MLflow counts that as an update of the version and
        the model, so an event says that it was asked for.

        Raises:
            TransitionNotAllowedError: The policy has no such stage, or no transition into it.
            GateNotPassedError: A gate is not passed; the message lists what is missing, and says
                whether the move is kept as a stage request.
            NotFoundError: There is no such version.
        """
        stage = self._stage(name, shown)
        if stage == NO_STAGE:
            self._context.require_some(Permission.MOVE, name)
        else:
            self._context.require(Permission.MOVE, name, stage)
        by, keeps = self._context.principal(), self._context.keeps_moves(name, stage)

        def write(transaction: Transaction) -> Move | StageRequest:
            transition = StageTransition(transaction, name, by)
            if stage == NO_STAGE:
                outcome: Move | StageRequest = transition.demote(version)
            elif keeps:
                outcome = move_or_keep(
                    transaction,
                    Reference(name=name, version=version),
                    StageRequestInput(stage, None, by),
                    archive_existing=archive_existing,
                )
            else:
                outcome = transition.promote(
                    version, stage, Requester(by), archive_existing=archive_existing
                )
            if isinstance(outcome, Move) and not outcome.moved:
                transition.confirm(version, outcome.stage)
            return outcome

        outcome = self._context.database.transaction(write)
        require_moved(outcome, archive_existing=archive_existing)

    def _stage(self, name: str, shown: MlflowStage) -> str:
        stage = stage_asked_for(self._policies.policy(name), shown)
        if stage is None:
            raise TransitionNotAllowedError(
                "the policy of the model has no stage that clients of MLflow see as this one",
                field="stage",
                value=shown.value,
                remedy=f"Name it in the policy: `mlflow: {shown.value}` in the rule of a stage",
            )
        return stage
