"""Registered models: create one before its first version, and describe it."""

from collections.abc import Mapping, Sequence

from pedigree._record import UNCHANGED
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.description import NOTHING, Changes, Described
from pedigree.catalog.model_changes import change_model
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
    recreate: bool = False,
) -> None:
    """Create a model without a version.

    With ``recreate``, a deleted or renamed model's name may be had again.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: A model has or had the name or an equivalent one.
    """
    changes = Changes(description or UNCHANGED, owners or UNCHANGED, tags or UNCHANGED)
    changes.require_storable()
    model, created = create_model(transaction, name, actor, recreate=recreate)
    if not created:
        raise NameTakenError(
            "exists already, or belonged to a deleted model",
            field="name",
            value=name,
            remedy="Choose another name, or change the existing model",
        )
    # What a model has from the start is no later change.
    _write(model._replace(at=model.created_at), NOTHING, changes, actor)


def describe_model(transaction: Transaction, name: str, actor: Actor, changes: Changes) -> None:
    """Change a model's description, owners or tags.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    changes.require_storable()
    model = lock_model(transaction, name)
    row = transaction.execute(SQL["model_description"], {"model_id": model.model_id}).fetchall()[0]
    _write(model, Described.of(row), changes, actor)


def _write(model: LockedModel, current: Described, changes: Changes, actor: Actor) -> None:
    if not changes:
        return
    changed = current.with_changes(changes)
    change_model(model, EventType.MODEL_UPDATED, changed.named_by(changes), actor)
