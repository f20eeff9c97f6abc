"""Policies of models, and the timeline of their stages and aliases."""

from psycopg.types.json import Jsonb

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.store import lock_or_create_model
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import Policy, Tenure
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction


def set_policy(transaction: Transaction, name: str, policy: Policy, actor: Actor) -> None:
    """Give a model a policy. A policy it has already is not written again.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: The name has a twin, or was deleted.
    """
    model = lock_or_create_model(transaction, name, actor)
    if read_policy(model.policy) == policy:
        return
    stored = policy.model_dump(mode="json")
    transaction.execute(SQL["set_policy"], {"model_id": model.model_id, "policy": Jsonb(stored)})
    log.record(
        transaction,
        EventType.MODEL_UPDATED,
        model=name,
        at=model.at,
        actor=actor,
        body={"policy": stored},
    )


def timeline(transaction: Transaction, name_key: str) -> tuple[Tenure, ...]:
    """Return every tenure of a model's stages and aliases, in order of their beginning."""
    rows = transaction.execute(SQL["timeline"], {"name_key": name_key}).fetchall()
    return tuple(Tenure(**row) for row in rows)
