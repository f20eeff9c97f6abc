"""Policies of models, and the timeline of their stages and aliases."""

from datetime import datetime

from psycopg.types.json import Jsonb

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.reading import at_least_one, find_model, in_a_zone
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, lock_model, lock_or_create_model
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import Policy, RetentionRule, Tenure
from pedigree.lifecycle.store import ALIAS, SQL, STAGE
from pedigree.postgres.transaction import Row, Transaction

_BEHIND_ALL = 2**63 - 1


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


def timeline(
    transaction: Transaction, name: str, pointer: str | None, *, limit: int, before: int | None
) -> tuple[Tenure, ...]:
    """Return the newest tenures of a model, or of one pointer, in the order of their beginning.

    Args:
        transaction: Where to read.
        name: The model.
        pointer: A stage or alias, as :func:`split_pointer` reads it.
        limit: How many at most.
        before: Only those before this tenure.

    Raises:
        ModelNotFoundError: There is no model of that name.
        InvalidInputError: The pointer or the limit is none.
    """
    page = {"limit": at_least_one(limit), "before": before or _BEHIND_ALL}
    if pointer is None:
        found = transaction.execute(SQL["timeline"], {**_key(name), **page})
    else:
        found = transaction.execute(
            SQL["timeline_of_pointer"], {**_key(name), **page, **split_pointer(pointer)}
        )
    return _found(transaction, name, found.fetchall())


def as_of(
    transaction: Transaction, name: str, moment: datetime, pointer: str | None
) -> tuple[Tenure, ...]:
    """Return the tenures of a model, or of one pointer, during which a moment lies.

    Raises:
        ModelNotFoundError: There is no model of that name.
        InvalidInputError: The moment has no time zone, or the pointer is none.
    """
    moment = in_a_zone("moment", moment)
    wanted = split_pointer(pointer) if pointer else {"pointer": None, "name": None}
    found = transaction.execute(SQL["as_of"], {**_key(name), "moment": moment, **wanted})
    return _found(transaction, name, found.fetchall())


def tenures_of(transaction: Transaction, version: ModelVersion) -> tuple[Tenure, ...]:
    """Return the tenures of one version, in the order of their beginning."""
    found = transaction.execute(
        SQL["tenures_of_version"],
        {"name_key": name_key(version.model_name), "version": version.version_id},
    )
    return tuple(Tenure(**row) for row in found.fetchall())


def split_pointer(pointer: str) -> dict[str, str | None]:
    """Read ``stage:production`` or ``alias:champion``.

    Raises:
        InvalidInputError: It is neither.
    """
    kind, _, name = pointer.partition(":")
    if kind not in (STAGE, ALIAS) or not name:
        raise InvalidInputError(
            "names neither a stage nor an alias",
            field="pointer",
            value=pointer,
            remedy="Write stage:production or alias:champion",
        )
    return {"pointer": kind, "name": name}


def _key(name: str) -> dict[str, str]:
    return {"model": validate_name(name), "name_key": name_key(name)}


def _found(transaction: Transaction, name: str, rows: list[Row]) -> tuple[Tenure, ...]:
    if not rows:
        find_model(transaction, name)
    return tuple(Tenure(**row) for row in rows)
