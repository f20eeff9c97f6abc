"""Promotions that the sensor gave up, and requests to try them again."""

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import lock_model
from pedigree.errors import NotFoundError
from pedigree.lifecycle.decision_records import DuePromotion, GivenUp
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction

# The state of a version when the sensor gives up. The sensor tries again when it changes.
_STATE = {"generation", "policy_revision", "evidence_at"}


def give_up(
    transaction: Transaction,
    due: DuePromotion,
    actor: Actor,
    *,
    attempts: int,
    run_id: str,
    problem: str,
) -> bool:
    """Record that the sensor gives up a promotion, with the version's present state.

    Args:
        transaction: Where to write.
        due: The promotion.
        actor: The sensor.
        attempts: How many runs have failed.
        run_id: The last of them.
        problem: Why it failed.

    Returns:
        Whether this is new.

    Raises:
        ModelNotFoundError: The model was deleted in the meantime.
    """
    model = lock_model(transaction, due.model_name)
    failure: dict[str, JsonValue] = {"attempts": attempts, "run_id": run_id, "problem": problem}
    state = due.model_dump(include=_STATE)
    values = {
        "model_id": model.model_id,
        "version_id": due.version_id,
        "stage": due.stage,
        "at": model.at,
        **state,
        **failure,
    }
    if transaction.execute(SQL["give_up"], values).fetchone() is None:
        return False
    body: dict[str, JsonValue] = {
        "to": due.stage,
        "digest": due.digest,
        **due.model_dump(mode="json", include=_STATE),
        **failure,
    }
    kind = EventType.VERSION_PROMOTION_GIVEN_UP
    model.record(kind, body, version=due.version_id, actor=actor)
    return True


def retry(
    transaction: Transaction, version: ModelVersion, stage: str, actor: Actor, reason: str | None
) -> GivenUp:
    """Let the sensor retry a promotion that it gave up.

    Raises:
        NotFoundError: It gave up no such promotion.
    """
    model = lock_model(transaction, version.model_name)
    values = {
        "model_id": model.model_id,
        "version": version.version_id,
        "stage": stage,
        "at": model.at,
        "actor": actor.name,
    }
    row = transaction.execute(SQL["retry_promotion"], values).fetchone()
    if row is None:
        raise NotFoundError(
            f"the sensor has given up no promotion of {version.reference} into it",
            field="stage",
            value=stage,
            remedy=f"`pedigree explain {version.reference} --to {stage} --automatic` shows what it"
            " waits for",
        )
    given_up = GivenUp(**{key: row[key] for key in GivenUp.model_fields})
    body: dict[str, JsonValue] = {"to": stage, "digest": version.digest, "reason": reason}
    kind = EventType.VERSION_PROMOTION_RETRIED
    model.record(kind, body, version=version.version_id, actor=actor)
    return given_up
