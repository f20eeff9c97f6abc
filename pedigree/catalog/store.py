"""Rows of the catalog: create and lock its models."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, NewEvent, canonical_event
from pedigree.catalog.names import name_key, validate_name
from pedigree.errors import (
    ModelNotFoundError,
    NameTakenError,
    VersionNotFoundError,
)
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

SQL = load_queries(__package__)

_NAMES = {"registered_model_name_again", "registered_model_name_unique"}
"""The constraints of names."""


class LockedModel(NamedTuple):
    """A model whose row a transaction has locked, and the time of the lock."""

    transaction: Transaction
    model_id: int
    name: str
    first_version: int
    next_version: int
    generation: int
    policy: dict[str, Any] | None
    policy_revision: int
    created_at: datetime
    deleted_at: datetime | None
    at: datetime

    def record(
        self,
        event_type: EventType,
        *bodies: Mapping[str, JsonValue],
        version: int | None = None,
        actor: Actor,
    ) -> None:
        """Write the event of a change to the model, or to one of its versions, with the change.

        Several bodies become several events of the type, in order.
        """
        log.record(
            self.transaction,
            event_type,
            *bodies,
            model=self.name,
            version=version,
            at=self.at,
            actor=actor,
        )

    def event(
        self,
        event_type: EventType,
        body: Mapping[str, JsonValue],
        *,
        version: int | None = None,
        actor: Actor,
    ) -> NewEvent:
        """Return the event of a change to the model, or to one of its versions."""
        return NewEvent(
            event_id=str(uuid.uuid4()),
            type=event_type,
            model=self.name,
            version=version,
            at=self.at,
            actor=actor,
            body=dict(body),
        )


def lock_model(transaction: Transaction, name: str) -> LockedModel:
    """Lock a living model.

    Raises:
        InvalidNameError: The name breaks the rule.
        ModelNotFoundError: No model has the name, or it was deleted.
    """
    model = lock_any_model(transaction, name)
    if model.deleted_at is not None:
        raise model_not_found(name)
    return model


def lock_any_model(transaction: Transaction, name: str) -> LockedModel:
    """Lock a model, also a deleted one.

    Raises:
        InvalidNameError: The name breaks the rule.
        ModelNotFoundError: There never was a model with this name.
    """
    model = _lock(transaction, validate_name(name))
    if model is None or model.name != name:
        raise model_not_found(name)
    return model


def lock_or_create_model(transaction: Transaction, name: str, actor: Actor) -> LockedModel:
    """Lock a model; create it first if it does not exist.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: An equivalent name exists, or a model of this name was deleted.
    """
    model = _lock(transaction, validate_name(name)) or create_model(transaction, name, actor)[0]
    require_own_name(name, model.name, is_deleted=model.deleted_at is not None)
    return model


def require_registrable(transaction: Transaction, name: str) -> None:
    """Refuse a name under which no version can be registered at present.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: An equivalent name exists, or a model of this name was deleted.
    """
    key = {"name_key": name_key(validate_name(name))}
    if row := transaction.execute(SQL["name_of_key"], key).fetchone():
        require_own_name(name, row["name"], is_deleted=row["deleted_at"] is not None)


def require_own_name(name: str, known: str, *, is_deleted: bool) -> None:
    """Refuse a name that a living model has in another form, or that a deleted model had.

    Args:
        name: The name.
        known: The name of the model with the same key.
        is_deleted: Whether that model was deleted.

    Raises:
        NameTakenError: One of these is the case.
    """
    if problem := name_problem(name, known, is_deleted=is_deleted):
        raise problem


def name_problem(name: str, known: str, *, is_deleted: bool) -> NameTakenError | None:
    """Return the error of :func:`require_own_name`."""
    if known != name:
        return NameTakenError(
            f"differs only by case or by the form of its characters from the model {known!r}",
            field="name",
            value=name,
            remedy=f"Use {known!r}, or another name",
        )
    if is_deleted:
        return NameTakenError(
            "belonged to a deleted model, and names are never used again",
            field="name",
            value=name,
            remedy="Choose another name",
        )
    return None


@contextmanager
def names_judged(name: str) -> Iterator[None]:
    """Turn the database's refusal of a name into its error.

    Raises:
        NameTakenError: Another model has or had the name.
    """
    try:
        yield
    except UniqueViolation as error:
        if error.diag.constraint_name not in _NAMES:
            raise
        raise name_was_had(name) from error


def name_was_had(name: str) -> NameTakenError:
    """Return the error for the name of a new model that another model has or had."""
    return NameTakenError(
        "belongs or belonged to another model, and no version's number may repeat under a name",
        field="name",
        value=name,
        remedy="Choose another name",
    )


def lock_models_of_versions(
    transaction: Transaction, name: str, versions: Iterable[int]
) -> Iterator[tuple[LockedModel, list[int]]]:
    """Lock the models, also deleted ones, that have some versions under a name; one, mostly.

    A name may be had again after a deletion, and the numbers of its models follow each other.

    Yields:
        Each model with the numbers of its versions among the given ones, ascending.

    Raises:
        ModelNotFoundError: No model has the name.
    """
    numbers = sorted(set(versions))
    while numbers:
        model = _lock_model_of_version(transaction, name, numbers[0])
        own = [number for number in numbers if number < model.next_version] or numbers[:1]
        yield model, own
        numbers = numbers[len(own) :]


def _lock_model_of_version(transaction: Transaction, name: str, version: int) -> LockedModel:
    values = {"name": name, "version": version}
    row = transaction.execute(SQL["lock_model_of_version"], values).fetchone()
    if row is None:
        raise model_not_found(name)
    return LockedModel(transaction, **row)


def _lock(transaction: Transaction, name: str) -> LockedModel | None:
    row = transaction.execute(SQL["lock_model"], {"name_key": name_key(name)}).fetchone()
    return LockedModel(transaction, **row) if row else None


def create_model(
    transaction: Transaction, name: str, actor: Actor, *, recreate: bool = False
) -> tuple[LockedModel, bool]:
    """Create a model unless its name, or an equivalent one, is taken; lock it.

    Args:
        transaction: Where to write.
        name: The name.
        actor: Who creates it.
        recreate: A name that belonged to a deleted model, or to one that was renamed since, is not
            taken. The numbers of the new model's versions continue above those of the name.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: A model had the name until it was renamed, unless it may be recreated.
    """
    validate_name(name)
    hole = uuid.uuid4().hex
    # The database puts its numbers there.
    again: dict[str, JsonValue] = {"first_version": f"{hole}first", "model_id": f"{hole}model"}
    content: dict[str, JsonValue] = {
        "event_id": str(uuid.uuid4()),
        "type": EventType.MODEL_CREATED.value,
        "model": name,
        "version": None,
        "at": hole,  # the database puts the time of the row here
        "actor": actor.model_dump(),
        "body": again if recreate else {},
    }
    canonical = canonical_event(EventType.MODEL_CREATED, content).decode()
    values = {
        "name": name,
        "name_key": name_key(name),
        "event": Jsonb({"event_id": content["event_id"], "canonical": canonical}),
        "hole": hole,
        "again": recreate,
        "actor": actor.name,
        "actor_source": actor.source,
    }
    with names_judged(name):
        created = transaction.execute(SQL["create_model"], values).fetchall()[0]["created"]
    model = _lock(transaction, name)
    if model is None:
        raise model_not_found(name)
    return model, bool(created)


def model_not_found(name: str) -> ModelNotFoundError:
    """Return the error for a name that no living model has."""
    return ModelNotFoundError(
        "no registered model has this name",
        field="name",
        value=name,
        remedy="`pedigree models` lists all models",
    )


def version_not_found(name: str, version: int | str) -> VersionNotFoundError:
    """Return the error for a number that does not exist, or whose version was deleted."""
    return VersionNotFoundError(
        "no such version exists, or it was deleted",
        field="reference",
        value=f"{name}/{version}",
        remedy=f"`pedigree versions {name}` lists all versions",
    )
