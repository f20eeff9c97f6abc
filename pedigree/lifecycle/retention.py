"""Legal holds and deletion, which decide how long a version is kept."""

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import ModelChange, change_model
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import VersionInUseError
from pedigree.lifecycle.decision_records import RequestOutcome
from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, NO_STAGE
from pedigree.lifecycle.store import (
    SQL,
    VersionState,
    close_requests,
    version_state,
)
from pedigree.postgres.transaction import Transaction

# A version in these stages is not in use.
_DELETABLE = frozenset({NO_STAGE, CANDIDATE, ARCHIVED})


def hold_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str
) -> None:
    """Put a legal hold on a version: it cannot be deleted until the hold is lifted.

    Raises:
        NotFoundError: There is no such model or version.
    """
    model, _ = _lock_version(transaction, name, version)
    change_model(model, EventType.VERSION_HELD, {"reason": reason}, actor, version=version)


def lift_hold(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str | None
) -> None:
    """Lift a legal hold; a version without one stays unchanged.

    Raises:
        NotFoundError: There is no such model or version.
    """
    model, state = _lock_version(transaction, name, version)
    if state.hold_reason is None:
        return
    change_model(model, EventType.VERSION_RELEASED, {"reason": reason}, actor, version=version)


def delete_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str
) -> None:
    """Mark a version deleted. Its number is never used again.

    Raises:
        NotFoundError: There is no such model or version.
        VersionInUseError: A stage, an alias or a legal hold protects it.
    """
    model, state = _lock_version(transaction, name, version)
    _refuse_if_in_use(transaction, model, state)
    _delete(transaction, model, state, actor, reason)


def delete_model(transaction: Transaction, name: str, actor: Actor, *, reason: str) -> None:
    """Mark a model and all its versions deleted. Its name is never used again.

    Raises:
        ModelNotFoundError: There is no such model.
        VersionInUseError: A stage, an alias or a legal hold protects one of its versions.
    """
    model = lock_model(transaction, name)
    rows = transaction.execute(SQL["living_versions"], {"model_id": model.model_id}).fetchall()
    states = [version_state(transaction, model.model_id, name, row["version"]) for row in rows]
    for state in states:
        _refuse_if_in_use(transaction, model, state)
    for state in states:
        _delete(transaction, model, state, actor, reason)
    change_model(model, EventType.MODEL_DELETED, {"reason": reason}, actor)


def _lock_version(
    transaction: Transaction, name: str, version: int
) -> tuple[LockedModel, VersionState]:
    model = lock_model(transaction, name)
    return model, version_state(transaction, model.model_id, model.name, version)


def _refuse_if_in_use(transaction: Transaction, model: LockedModel, state: VersionState) -> None:
    aliases = transaction.execute(
        SQL["aliases_of_version"], {"model_id": model.model_id, "version": state.version}
    ).fetchall()
    if state.hold_reason is not None:
        why, remedy = f"is on legal hold: {state.hold_reason}", "Lift the hold first"
    elif state.stage not in _DELETABLE:
        why, remedy = f"holds the stage {state.stage}", "Promote another version first"
    elif aliases:
        held = ", ".join(row["name"] for row in aliases)
        why, remedy = f"holds the alias {held}", "Delete the alias first"
    else:
        return
    raise VersionInUseError(
        why, field="version", value=f"{model.name}/{state.version}", remedy=remedy
    )


def _delete(
    transaction: Transaction,
    model: LockedModel,
    state: VersionState,
    actor: Actor,
    reason: str,
) -> None:
    close_requests(transaction, model, state.version, actor, RequestOutcome.DELETED)
    change = ModelChange(model, actor)
    body: dict[str, JsonValue] = {
        "digest": state.digest,
        "generation": change.generation,
        "voided": change.voided,
        "reason": reason,
    }
    change.add(EventType.VERSION_DELETED, body, version=state.version)
    change.send()
