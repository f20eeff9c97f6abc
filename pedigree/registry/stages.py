"""Stages and aliases: what moves a version."""

from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.lifecycle import aliases, promotion_queue
from pedigree.lifecycle.gates import SENSOR, Requester
from pedigree.lifecycle.records import CHAMPION_STAGE, Move
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.postgres.transaction import Transaction
from pedigree.registry.approvals import DecidingOperations
from pedigree.registry.artifacts import ArtifactOperations
from pedigree.registry.policies import PolicyOperations


class StageOperations(PolicyOperations, DecidingOperations, ArtifactOperations):
    """Verbs that move versions."""

    def champion(self, name: str) -> ModelVersion | None:
        """Return the version that holds production, if one does."""
        return self.holder(name, CHAMPION_STAGE)

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        """Return the version that took a stage last and holds it still, if one does.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """
        return self.database.read(
            lambda transaction: promotion_queue.stage_holder(transaction, name, stage)
        )

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Let a version enter a stage; one that holds it already stays, ``moved`` is False.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the timeline.
            expected_generation: The model's generation that the caller saw.
            automatic: No person asks, so a version that left the stage stays out.
            run_id: The Dagster run that asks.
            actor: Who asks; found out when None.

        Raises:
            TransitionNotAllowedError: The policy has no way into the stage from here.
            GateNotPassedError: A gate is not passed; the message lists what is missing.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """
        actor = actor or self.actor()
        asker = SENSOR if automatic else Requester(actor.name)
        parsed = parse_reference(reference)

        def write(transaction: Transaction) -> Move:
            number = parsed.version or lookups.find_version(transaction, parsed).version_id
            mover = StageTransition(transaction, parsed.name, actor, reason=reason, run_id=run_id)
            return mover.promote(number, stage, asker, expected_generation=expected_generation)

        return self.database.transaction(write)

    def rollback(
        self,
        name: str,
        *,
        stage: str = CHAMPION_STAGE,
        reason: str | None = None,
        expected_generation: int | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Return a stage to its previous holder; the present one is archived.

        Raises:
            StageEmptyError: No version holds the stage.
            NothingToRollBackError: There is no earlier holder that may still run.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """
        actor = actor or self.actor()
        return self.database.transaction(
            lambda transaction: StageTransition(
                transaction, name, actor, reason=reason, run_id=run_id
            ).roll_back(stage, expected_generation=expected_generation)
        )

    def set_alias(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        expected_generation: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Let an alias point to a version; it leaves whichever had it.

        Raises:
            InvalidAliasError: The alias breaks the rule, is a stage's name or another one's twin.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """
        actor = self.actor()
        self.database.transaction(
            lambda transaction: aliases.set_alias(
                transaction,
                name,
                alias,
                version,
                actor,
                expected_generation=expected_generation,
                reason=reason,
            )
        )

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Take an alias away, named in any case.

        Raises:
            AliasNotFoundError: The model has no such alias.
        """
        actor = self.actor()
        self.database.transaction(
            lambda transaction: aliases.delete_alias(transaction, name, alias, actor, reason=reason)
        )
