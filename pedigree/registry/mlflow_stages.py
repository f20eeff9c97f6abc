"""Stages as clients of MLflow name them."""

from pedigree.access.records import Permission
from pedigree.catalog.references import Reference
from pedigree.errors import TransitionNotAllowedError
from pedigree.lifecycle.kept_moves import move_or_keep, require_moved
from pedigree.lifecycle.records import NO_STAGE
from pedigree.lifecycle.requester import StageRequestInput
from pedigree.lifecycle.shown_stages import stage_asked_for
from pedigree.lifecycle.stage_names import MlflowStage
from pedigree.registry.context import Context, ContextGroup
from pedigree.registry.policies import PolicyOperations
from pedigree.registry.stages import StageOperations


class MlflowStageOperations(ContextGroup):
    """Stages as clients of MLflow name them.

    Args:
        context: The database and the principal.
        stages: Moves versions.
        policies: Reads policies.
    """

    def __init__(
        self, context: Context, stages: StageOperations, policies: PolicyOperations
    ) -> None:
        super().__init__(context)
        self._stages = stages
        self._policies = policies

    def move(self, name: str, version: int, shown: MlflowStage, *, archive_existing: bool) -> None:
        """Move a version into the stage that clients see as a stage of MLflow.

        Raises:
            TransitionNotAllowedError: The policy has no such stage, or no transition into it.
            GateNotPassedError: A gate is not passed; the message lists what is missing, and says
                whether the move is kept as a stage request.
            NotFoundError: There is no such version.
        """
        reference = f"{name}/{version}"
        stage = stage_asked_for(self._policies.policy(name), shown)
        if stage is None:
            raise TransitionNotAllowedError(
                "the policy of the model has no stage that clients of MLflow see as this one",
                field="stage",
                value=shown.value,
                remedy=f"Name it in the policy: `mlflow: {shown.value}` in the rule of a stage",
            )
        if stage == NO_STAGE:
            self._stages.demote(reference)
        elif self._context.keeps_moves(name, stage):
            self._move_or_keep(name, version, stage, archive_existing=archive_existing)
        else:
            self._stages.promote(reference, stage, archive_existing=archive_existing)

    def _move_or_keep(self, name: str, version: int, stage: str, *, archive_existing: bool) -> None:
        self._context.require(Permission.MOVE, name, stage)
        wanted = StageRequestInput(stage, None, self._context.principal())
        outcome = self._context.database.transaction(
            lambda transaction: move_or_keep(
                transaction,
                Reference(name=name, version=version),
                wanted,
                archive_existing=archive_existing,
            )
        )
        require_moved(outcome, archive_existing=archive_existing)
