"""Edits of a version: its description, owners and tags."""

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.description import Changes, Described
from pedigree.catalog.model_changes import change_model
from pedigree.catalog.store import SQL, lock_model, version_not_found
from pedigree.postgres.transaction import Transaction


def update_version(
    transaction: Transaction, name: str, version: int, actor: Actor, changes: Changes
) -> None:
    """Change a version's description, owners or tags.

    Raises:
        NotFoundError: There is no such model or version.
    """
    if not changes:
        return
    changes.require_storable()
    model = lock_model(transaction, name)
    place = {"model_id": model.model_id, "version": version}
    row = transaction.execute(SQL["version_description"], place).fetchone()
    if row is None:
        raise version_not_found(name, version)
    changed = Described.of(row).with_changes(changes)
    body = changed.named_by(changes)
    change_model(model, EventType.VERSION_UPDATED, body, actor, version=version)
