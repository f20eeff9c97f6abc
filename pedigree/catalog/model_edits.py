"""Registered models: create one before its first version, and describe it."""

from collections.abc import Mapping, Sequence

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree.audit.records import Actor, EventType
from pedigree.catalog.store import SQL, LockedModel, create_model, lock_model
from pedigree.errors import NameTakenError
from pedigree.postgres.transaction import Transaction


def create_described(
    transaction: Transaction,
    name: str,
    actor: Actor,
    *,
    description: str | None,
    owners: Sequence[str],
    tags: Mapping[str, str],
) -> None:
    """Create a model without a version.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: A model has or had the name or an equivalent one.
    """
    model, created = create_model(transaction, name, actor)
    if not created:
        raise NameTakenError(
            "exists already, or belonged to a deleted model",
            field="name",
            value=name,
            remedy="Choose another name, or change the existing model",
        )
    given = _given(description, owners or None, tags or None)
    if given:
        _write(transaction, model, given, actor)


def describe_model(
    transaction: Transaction,
    name: str,
    actor: Actor,
    *,
    description: str | None,
    owners: Sequence[str] | None,
    tags: Mapping[str, str] | None,
) -> None:
    """Replace a model's description, owners or tags; None leaves a field unchanged.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    model = lock_model(transaction, name)
    given = _given(description, owners, tags)
    if given:
        _write(transaction, model, given, actor)


def _given(
    description: str | None, owners: Sequence[str] | None, tags: Mapping[str, str] | None
) -> dict[str, JsonValue]:
    every: dict[str, JsonValue] = {
        "description": description,
        "owners": None if owners is None else list(owners),
        "tags": None if tags is None else dict(tags),
    }
    return {field: value for field, value in every.items() if value is not None}


def _write(
    transaction: Transaction, model: LockedModel, given: dict[str, JsonValue], actor: Actor
) -> None:
    tags = given.get("tags")
    transaction.execute(
        SQL["describe_model"],
        {
            "model_id": model.model_id,
            "description": given.get("description"),
            "owners": given.get("owners"),
            "tags": None if tags is None else Jsonb(tags),
        },
    )
    model.record(EventType.MODEL_UPDATED, given, actor=actor)
