"""Aliases: names that a person moves between versions."""

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.names import validate_alias
from pedigree.catalog.store import lock_model
from pedigree.errors import AliasNotFoundError
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.refusals import expect_generation
from pedigree.lifecycle.store import (
    ALIAS,
    SQL,
    advance_generation,
    begin_tenure,
    holder,
    version_state,
)
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
    """Let an alias point to a version; it leaves whichever had it. Repeating it changes nothing.

    Raises:
        InvalidAliasError: The alias breaks the rule.
        NotFoundError: There is no such model or version.
        GenerationConflictError: Somebody moved the model's pointers since the caller looked.
    """
    model = lock_model(transaction, name)
    stages = frozenset(rule.name for rule in read_policy(model.policy).stages)
    validate_alias(alias, stages)
    state = version_state(transaction, model.model_id, model.name, version)
    previous = holder(transaction, model.model_id, ALIAS, alias)
    if previous and previous.version == version:
        return
    expect_generation(model, expected_generation)
    transaction.execute(
        SQL["end_alias"], {"model_id": model.model_id, "name": alias, "at": model.at}
    )
    begin_tenure(
        transaction,
        model,
        version,
        pointer=ALIAS,
        name=alias,
        exclusive=True,
        actor=actor,
        reason=reason,
    )
    generation, voided = advance_generation(transaction, model)
    log.record(
        transaction,
        EventType.ALIAS_SET,
        model=name,
        version=version,
        at=model.at,
        actor=actor,
        body={
            "alias": alias,
            "digest": state.digest,
            "previous_version": previous.version if previous else None,
            "generation": generation,
            "voided": [*voided],
            "reason": reason,
        },
    )


def delete_alias(
    transaction: Transaction, name: str, alias: str, actor: Actor, *, reason: str | None
) -> None:
    """Take an alias away.

    Raises:
        ModelNotFoundError: There is no such model.
        AliasNotFoundError: It has no such alias.
    """
    model = lock_model(transaction, name)
    ended = transaction.execute(
        SQL["end_alias"], {"model_id": model.model_id, "name": alias, "at": model.at}
    ).fetchone()
    if ended is None:
        raise AliasNotFoundError(
            f"{name} has no such alias",
            field="alias",
            value=alias,
            remedy=f"`pedigree alias list {name}` lists those that are there",
        )
    generation, voided = advance_generation(transaction, model)
    log.record(
        transaction,
        EventType.ALIAS_DELETED,
        model=name,
        version=ended["version"],
        at=model.at,
        actor=actor,
        body={
            "alias": alias,
            "generation": generation,
            "voided": [*voided],
            "reason": reason,
        },
    )
