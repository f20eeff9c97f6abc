"""Aliases: names that a person moves between versions."""

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import ModelChange
from pedigree.catalog.store import lock_model
from pedigree.lifecycle.alias_guards import require_guard
from pedigree.lifecycle.pointer_names import held_alias, require_new_alias
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.store import (
    ALIAS,
    holder,
    version_state,
)
from pedigree.lifecycle.transition_errors import expect_generation
from pedigree.postgres.transaction import Transaction


def set_alias(
    transaction: Transaction,
    name: str,
    alias: str,
    version: int,
    actor: Actor,
    *,
    expected_generation: int | None,
    reason: str | None,
) -> None:
    """Point an alias to a version, and remove it from its previous one. A repetition has no effect.

    Raises:
        InvalidAliasError: The alias breaks the rule, names a stage, or is equivalent to another.
        GateNotPassedError: The policy guards the alias by a stage that the version does not hold.
        NotFoundError: There is no such model or version.
        GenerationConflictError: The model's pointers moved since the caller read them.
    """
    model = lock_model(transaction, name)
    policy = read_policy(model.policy)
    require_new_alias(transaction, model.model_id, alias, policy)
    state = version_state(transaction, model.model_id, model.name, version)
    require_guard(policy, alias, f"{model.name}/{version}", state.stage)
    previous = holder(transaction, model.model_id, ALIAS, alias)
    if previous and previous.version == version:
        return
    expect_generation(model, expected_generation)
    change = ModelChange(model, actor)
    change.add(
        EventType.ALIAS_SET,
        {
            "alias": alias,
            "digest": state.digest,
            "previous_version": previous.version if previous else None,
            "generation": change.generation,
            "voided": change.voided,
            "reason": reason,
        },
        version=version,
    )
    change.send()


def delete_alias(
    transaction: Transaction, name: str, alias: str, actor: Actor, *, reason: str | None
) -> None:
    """Delete an alias; its name is case-insensitive.

    Raises:
        ModelNotFoundError: There is no such model.
        AliasNotFoundError: It has no such alias.
    """
    model = lock_model(transaction, name)
    alias = held_alias(transaction, model.model_id, name, alias)
    present = holder(transaction, model.model_id, ALIAS, alias)
    assert present is not None
    change = ModelChange(model, actor)
    change.add(
        EventType.ALIAS_DELETED,
        {
            "alias": alias,
            "generation": change.generation,
            "voided": change.voided,
            "reason": reason,
        },
        version=present.version,
    )
    change.send()
