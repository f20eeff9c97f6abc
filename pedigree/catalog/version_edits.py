"""Edits of a version: its description, owners and tags."""

from collections.abc import Mapping, Sequence

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree.audit.records import Actor, EventType
from pedigree.catalog.store import SQL, lock_model, version_not_found
from pedigree.postgres.transaction import Transaction


def update_version(
    transaction: Transaction,
    name: str,
    version: int,
    actor: Actor,
    *,
    description: str | None,
    owners: Sequence[str] | None,
    tags: Mapping[str, str] | None,
) -> None:
    """Replace a version's description, owners or tags; None leaves a field unchanged.

    Raises:
        NotFoundError: There is no such model or version.
    """
    changed: dict[str, JsonValue] = {}
    if description is not None:
        changed["description"] = description
    if owners is not None:
        changed["owners"] = list(owners)
    if tags is not None:
        changed["tags"] = dict(tags)
    if not changed:
        return
    model = lock_model(transaction, name)
    updated = transaction.execute(
        SQL["update_version"],
        {
            "model_id": model.model_id,
            "version": version,
            "description": description,
            "owners": None if owners is None else list(owners),
            "tags": None if tags is None else Jsonb(dict(tags)),
        },
    )
    if updated.rowcount == 0:
        raise version_not_found(name, version)
    model.record(EventType.VERSION_UPDATED, changed, version=version, actor=actor)
