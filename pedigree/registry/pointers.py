"""Names of a model that are an alias, or a stage where its policy has one of that name.

Clients of MLflow know one word for both: to set the alias ``production`` is to ask for the stage.
"""

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import Reference
from pedigree.errors import AliasNotFoundError
from pedigree.lifecycle import aliases
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.gate_facts import ModelFacts
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.kept_moves import move_or_keep, require_moved
from pedigree.lifecycle.records import Move
from pedigree.lifecycle.requester import Requester, StageRequestInput
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class PointerOperations(ContextGroup):
    """Names of a model that are an alias, or a stage where its policy has one of that name."""

    def point(
        self, name: str, pointer: str, version: int, *, reason: str | None = None
    ) -> Move | None:
        """Let a version enter the stage of a name, through its gates, or have the alias.

        Returns:
            The move into the stage; None if the name is an alias.

        Raises:
            TransitionNotAllowedError: The policy has no transition from the present stage into it.
            GateNotPassedError: A gate is not passed, or the policy guards the alias; the message
                says whether the move is kept as a stage request.
            InvalidAliasError: The alias breaks the naming rule.
        """
        by = self._mover(name)

        def write(transaction: Transaction) -> Move | StageRequest | None:
            stage = _stage_called(look_at_model(transaction, name), pointer)
            by.require(Permission.MOVE, name, stage)
            if stage is None:
                aliases.set_alias(
                    transaction,
                    name,
                    pointer,
                    version,
                    by.actor,
                    expected_generation=None,
                    reason=reason,
                )
                return None
            if self._context.keeps_moves(name, stage):
                wanted = StageRequestInput(stage, reason, by)
                return move_or_keep(transaction, Reference(name=name, version=version), wanted)
            transition = StageTransition(transaction, name, by, reason=reason)
            return transition.promote(version, stage, Requester(by))

        outcome = self._context.database.transaction(write)
        return require_moved(outcome) if outcome else None

    def pointed(self, name: str, pointer: str) -> ModelVersion:
        """Return the highest version in the stage of a name, or else the version of the alias.

        Raises:
            ModelNotFoundError: There is no such model.
            AliasNotFoundError: No version is in the stage, or has the alias.
        """
        self._context.require(Permission.READ, name)

        def read(transaction: Transaction) -> ModelVersion:
            model = look_at_model(transaction, name)
            number = _holder(model, pointer)
            asked = (
                Reference(name=name, pointer=pointer)
                if number is None
                else Reference(name=name, version=number)
            )
            return lookups.find_version(transaction, asked)

        return self._context.database.read(read)

    def unpoint(self, name: str, pointer: str, *, reason: str | None = None) -> Move | None:
        """Let the highest version leave the stage of a name, or delete the alias.

        Returns:
            The move out of the stage; None if the name is an alias.

        Raises:
            AliasNotFoundError: No version is in the stage, or has the alias.
            TransitionNotAllowedError: The policy has no way back to no stage.
        """
        by = self._mover(name)

        def write(transaction: Transaction) -> Move | None:
            model = look_at_model(transaction, name)
            stage = _stage_called(model, pointer)
            by.require(Permission.MOVE, name, stage)
            if stage is None:
                aliases.delete_alias(transaction, name, pointer, by.actor, reason=reason)
                return None
            number = model.held.stages.get(stage)
            if number is None:
                raise _held_by_nobody(name, pointer)
            return StageTransition(transaction, name, by, reason=reason).demote(number)

        return self._context.database.transaction(write)

    def _mover(self, name: str) -> Principal:
        self._context.require_some(Permission.MOVE, name)
        return self._context.principal()


def _stage_called(model: ModelFacts, pointer: str) -> str | None:
    rule = model.policy.rule(pointer)
    return rule.name if rule else None


def _holder(model: ModelFacts, pointer: str) -> int | None:
    """Return the highest version in the stage of a name; None if the name is no stage."""
    stage = _stage_called(model, pointer)
    if stage is None:
        return None
    number = model.held.stages.get(stage)
    if number is None:
        raise _held_by_nobody(model.name, pointer)
    return number


def _held_by_nobody(name: str, pointer: str) -> AliasNotFoundError:
    return AliasNotFoundError(
        f"no version of {name} is in this stage",
        field="alias",
        value=pointer,
        remedy=f"`pedigree versions {name}` lists its versions with their stages",
    )
