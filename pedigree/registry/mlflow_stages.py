"""Stages as clients of MLflow name them."""

from pedigree.errors import TransitionNotAllowedError
from pedigree.lifecycle.records import NO_STAGE
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
            GateNotPassedError: A gate is not passed; the message lists what is missing.
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
        else:
            self._stages.promote(reference, stage, archive_existing=archive_existing)
