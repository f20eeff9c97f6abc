"""Restore deleted models and versions while their bytes exist."""

from pydantic import JsonValue

from pedigree.artifacts.store import StoredBlob, stored_blob
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import ModelChange, change_model
from pedigree.catalog.names import name_key
from pedigree.catalog.store import LockedModel, lock_any_model, lock_model, version_not_found
from pedigree.errors import BytesCollectedError, BytesTakenError, NameTakenError
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import NO_STAGE
from pedigree.lifecycle.stage_names import stage_problem
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Row, Transaction


def restore_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str | None
) -> None:
    """Restore a deleted version in its previous stage; a living version stays unchanged.

    Raises:
        ModelNotFoundError: There is no such model, or it was deleted itself.
        VersionNotFoundError: The number never existed.
        BytesCollectedError: Its bytes were collected.
        BytesTakenError: The same bytes were registered again in the meantime.
    """
    model = lock_model(transaction, name)
    row = transaction.execute(
        SQL["deleted_version"], {"model_id": model.model_id, "version": version}
    ).fetchone()
    if row is None:
        raise version_not_found(name, version)
    if row["deleted_at"] is not None:
        _require_restorable(transaction, model, row)
        _restore(model, row, actor, reason)


def restore_model(
    transaction: Transaction, name: str, actor: Actor, *, reason: str | None
) -> tuple[int, ...]:
    """Restore a deleted model, with the versions deleted with it whose bytes exist.

    Returns:
        The numbers of the restored versions; empty if the model was not deleted.

    Raises:
        ModelNotFoundError: There never was such a model.
        NameTakenError: It lost its name to another model, which is not deleted.
        BytesCollectedError: The bytes of all its versions were collected.
    """
    model = lock_any_model(transaction, name)
    if model.deleted_at is None:
        _require_first_holder(model)
        return ()
    together = transaction.execute(
        SQL["deleted_together"], {"model_id": model.model_id, "deleted_at": model.deleted_at}
    ).fetchall()
    versions = tuple(row["version"] for row in together if not row["collected"])
    if together and not versions:
        raise _collected(name)
    change_model(model, EventType.MODEL_RESTORED, {"reason": reason}, actor)
    for version in versions:
        restore_version(transaction, name, version, actor, reason=reason)
    return versions


def blobs_to_restore(
    transaction: Transaction, name: str, version: int | None
) -> tuple[StoredBlob, ...]:
    """Return the live blobs of a deleted version, or of all deleted versions of a model."""
    rows = transaction.execute(
        SQL["blobs_to_restore"], {"name_key": name_key(name), "version": version}
    ).fetchall()
    return tuple(map(stored_blob, rows))


def _require_restorable(transaction: Transaction, model: LockedModel, row: Row) -> None:
    reference = f"{model.name}/{row['version']}"
    if row["collected_at"] is not None:
        raise _collected(reference)
    twin = transaction.execute(
        SQL["living_twin"],
        {"model_id": model.model_id, "digest": row["digest"], "copy": row["copy"]},
    ).fetchone()
    if twin is not None:
        raise BytesTakenError(
            f"its bytes were registered again as {model.name}/{twin['version']}",
            field="reference",
            value=reference,
            remedy=f"Use {model.name}/{twin['version']}, or delete that one first",
        )


def _require_first_holder(model: LockedModel) -> None:
    """Refuse to restore a model whose name belongs to another one by now.

    Raises:
        NameTakenError: A deleted model had the name before.
    """
    had = model.transaction.execute(SQL["lost_its_name"], {"name": model.name}).fetchone()
    if had is not None:
        raise NameTakenError(
            "belongs to a newer model, so the deleted one cannot be restored",
            field="name",
            value=model.name,
            remedy="Register its files as a version of the newer model",
        )


def _collected(what: str) -> BytesCollectedError:
    return BytesCollectedError(
        "its bytes were collected after the retention window, so only the record is left",
        field="reference",
        value=what,
        remedy="Register the bytes again; they get a new number",
    )


def _restore(model: LockedModel, row: Row, actor: Actor, reason: str | None) -> None:
    change = ModelChange(model, actor)
    body: dict[str, JsonValue] = {
        "digest": row["digest"],
        "stage": _stage_to_return_to(model, row["stage"]),
        "generation": change.generation,
        "voided": change.voided,
        "reason": reason,
    }
    change.add(EventType.VERSION_RESTORED, body, version=row["version"])
    change.send()


def _stage_to_return_to(model: LockedModel, lost: str | None) -> str:
    """Return the stage from which it was deleted, unless its policy no longer has that stage."""
    rule = read_policy(model.policy).rule(lost) if lost else None
    if rule is None or rule.exclusive or stage_problem(rule.name):
        return NO_STAGE
    return rule.name
