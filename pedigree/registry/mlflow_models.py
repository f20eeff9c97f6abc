"""Models and stages as clients of MLflow handle them, where that is not what our verbs do."""

from collections.abc import Mapping

from pedigree.access.records import Permission
from pedigree.catalog import model_edits
from pedigree.catalog.names import name_key
from pedigree.errors import TransitionNotAllowedError
from pedigree.lifecycle import policy_history
from pedigree.lifecycle.gate_inputs import model_state
from pedigree.lifecycle.policy import open_policy, read_policy
from pedigree.lifecycle.records import NO_STAGE, Policy
from pedigree.lifecycle.shown_stages import stage_asked_for
from pedigree.lifecycle.stage_names import MlflowStage
from pedigree.postgres.transaction import Transaction
from pedigree.registry.aliases import AliasOperations
from pedigree.registry.context import Context, ContextGroup
from pedigree.registry.stages import StageOperations

_IS_PROMPT = "mlflow.prompt.is_prompt"


class MlflowModelOperations(ContextGroup):
    """Models and stages as clients of MLflow handle them.

    Args:
        context: The database and the principal.
        stages: Moves versions.
        aliases: Moves aliases.
    """

    def __init__(self, context: Context, stages: StageOperations, aliases: AliasOperations) -> None:
        super().__init__(context)
        self._stages = stages
        self._aliases = aliases

    def create(self, name: str, *, description: str, tags: Mapping[str, str]) -> None:
        """Create a model with the open policy; the name of a deleted model may be had again.

        Raises:
            InvalidNameError: The name breaks the naming rule.
            NameTakenError: A model has the name, or one that differs only by case or form.
        """
        self._context.require(Permission.REGISTER, name)
        actor = self._context.actor()
        is_prompt = tags.get(_IS_PROMPT, "").lower() == "true"

        def write(transaction: Transaction) -> None:
            model_edits.create_described(
                transaction,
                name,
                actor,
                description=description,
                owners=(),
                tags=tags,
                recreate=True,
            )
            # A prompt has no stages, so that its aliases may have any name.
            policy = Policy(stages=()) if is_prompt else open_policy()
            policy_history.begin_policy(transaction, name, policy, actor)

        self._context.database.transaction(write)

    def move(self, name: str, version: int, shown: MlflowStage, *, archive_existing: bool) -> None:
        """Move a version into the stage that clients see as a stage of MLflow.

        Raises:
            TransitionNotAllowedError: The policy has no such stage, or no transition into it.
            GateNotPassedError: A gate is not passed; the message lists what is missing.
            NotFoundError: There is no such version.
        """
        reference = f"{name}/{version}"
        stage = stage_asked_for(self._policy(name), shown)
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

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias to a version; an alias with the name of a stage asks for the stage.

        Raises:
            InvalidAliasError: The alias breaks the naming rule.
            TransitionNotAllowedError: It is a stage, and the policy has no transition into it.
            GateNotPassedError: It is a stage, and a gate is not passed.
            NotFoundError: There is no such version.
        """
        stage = self._stage_of(name, alias)
        if stage is None:
            self._aliases.set_alias(name, alias, version)
        else:
            self._stages.promote(f"{name}/{version}", stage)

    def _stage_of(self, name: str, alias: str) -> str | None:
        """Return the stage of a model that an alias names; None if it names none."""
        key = name_key(alias)
        rules = self._policy(name).stages
        return next((rule.name for rule in rules if name_key(rule.name) == key), None)

    def _policy(self, name: str) -> Policy:
        self._context.require(Permission.READ, name)
        state = self._context.database.read(lambda transaction: model_state(transaction, name))
        return read_policy(state["policy"])
