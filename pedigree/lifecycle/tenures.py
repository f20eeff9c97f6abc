"""Policies of models, and the timeline of their stages and aliases."""

from psycopg.types.json import Jsonb

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.store import LockedModel, lock_model, lock_or_create_model
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import Policy, RetentionRule, Tenure
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction


def set_policy(transaction: Transaction, name: str, policy: Policy, actor: Actor) -> None:
    """Give a model a policy. A policy it has already is not written again.

    A policy without a rule for retention leaves the one that the model has.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: The name has a twin, or was deleted.
    """
    _write_policy(transaction, lock_or_create_model(transaction, name, actor), policy, actor)


def set_retention(
    transaction: Transaction, name: str, rule: RetentionRule, actor: Actor
) -> RetentionRule:
    """Give a model a rule for retention; the rest of its policy stays. Return what holds now.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    model = lock_model(transaction, name)
    policy = read_policy(model.policy).model_copy(update={"retention": rule})
    _write_policy(transaction, model, policy, actor)
    return rule


def _write_policy(
    transaction: Transaction, model: LockedModel, policy: Policy, actor: Actor
) -> None:
    present = read_policy(model.policy)
    if policy.retention is None:
        policy = policy.model_copy(update={"retention": present.retention})
    if present == policy:
        return
    stored = policy.model_dump(mode="json")
    transaction.execute(SQL["set_policy"], {"model_id": model.model_id, "policy": Jsonb(stored)})
    log.record(
        transaction,
        EventType.MODEL_UPDATED,
        model=model.name,
        at=model.at,
        actor=actor,
        body={"policy": stored},
    )


def timeline(transaction: Transaction, name_key: str) -> tuple[Tenure, ...]:
    """Return every tenure of a model's stages and aliases, in order of their beginning."""
    rows = transaction.execute(SQL["timeline"], {"name_key": name_key}).fetchall()
    return tuple(Tenure(**row) for row in rows)
