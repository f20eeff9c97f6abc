"""Rows of stages, aliases and verdicts ↔ records."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.types.json import Jsonb

from pedigree._record import RecordPage
from pedigree.audit.records import Actor
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, version_not_found
from pedigree.errors import NothingToRollBackError
from pedigree.lifecycle.decision_records import RequestOutcome
from pedigree.lifecycle.records import ARCHIVED, RecordedVerdict, Verdict
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Rows, Transaction

SQL = load_queries(__package__)

STAGE = "stage"
ALIAS = "alias"


class VersionState(NamedTuple):
    """The state of a version that the gates use."""

    version: int
    digest: str
    approval_status: str
    quarantine_reason: str | None
    hold_reason: str | None
    stage: str


class Holder(NamedTuple):
    """A version that holds a pointer."""

    version: int
    digest: str


def version_state(
    transaction: Transaction, model_id: int, model_name: str, version: int
) -> VersionState:
    """Read a version.

    Raises:
        VersionNotFoundError: The number does not exist, or its version was deleted.
    """
    row = transaction.execute(
        SQL["version_state"], {"model_id": model_id, "version": version}
    ).fetchone()
    if row is None:
        raise version_not_found(model_name, version)
    return VersionState(**row)


def holder(transaction: Transaction, model_id: int, pointer: str, name: str) -> Holder | None:
    """Return the version that took a pointer last and still holds it."""
    row = transaction.execute(
        SQL["holder"], {"model_id": model_id, "pointer": pointer, "name": name}
    ).fetchone()
    return Holder(**row) if row else None


def rollback_target(
    transaction: Transaction,
    model: LockedModel,
    present: Holder,
    stage: str,
    from_here_on: Sequence[str],
) -> int:
    """Return the previous holder of a stage that did not enter a later one.

    Args:
        transaction: Where to read.
        model: The model.
        present: The holder of the stage.
        stage: The stage.
        from_here_on: The stage and those after it.

    Raises:
        NothingToRollBackError: There is no earlier holder that may still run.
    """
    row = transaction.execute(
        SQL["rollback_target"],
        {
            "model_id": model.model_id,
            "name": stage,
            "holder": present.version,
            "from_here_on": list(from_here_on),
        },
    ).fetchone()
    if row is None:
        reference = f"{model.name}/{present.version}"
        raise NothingToRollBackError(
            f"{reference} has no earlier holder to return to",
            field="stage",
            value=stage,
            remedy="Promote the version that should hold it; `pedigree promote"
            f" {reference} --to {ARCHIVED}` leaves the stage to nobody",
        )
    return int(row["version"])


def begin_tenure(
    transaction: Transaction,
    model: LockedModel,
    version: int,
    *,
    pointer: str,
    name: str,
    exclusive: bool,
    actor: Actor,
    reason: str | None,
) -> None:
    """Let a version hold a pointer from now on."""
    transaction.execute(
        SQL["begin_tenure"],
        {
            "model_id": model.model_id,
            "version": version,
            "pointer": pointer,
            "name": name,
            "exclusive": exclusive,
            "at": model.at,
            "actor": actor.name,
            "reason": reason,
        },
    )


def end_stage(transaction: Transaction, model: LockedModel, version: int, ended_by: str) -> None:
    """End the tenure of a version's stage, if it holds one."""
    transaction.execute(
        SQL["end_tenure"],
        {
            "model_id": model.model_id,
            "version": version,
            "pointer": STAGE,
            "name": None,
            "at": model.at,
            "ended_by": ended_by,
        },
    )


def advance_generation(transaction: Transaction, model: LockedModel) -> tuple[int, list[int]]:
    """Increment the model's generation after a change of its pointers or its policy's requirements.

    Returns:
        The new generation, and the versions whose approval became void.
    """
    row = transaction.execute(SQL["advance_generation"], {"model_id": model.model_id}).fetchone()
    return (int(row["generation"]), row["voided"]) if row else (model.generation, [])


def advance_by_override(transaction: Transaction, model: LockedModel) -> int:
    """Increment the model's generation after an override; approvals stay valid."""
    values = {"model_id": model.model_id}
    row = transaction.execute(SQL["advance_generation_by_override"], values).fetchone()
    return int(row["generation"]) if row else model.generation


def close_requests(
    transaction: Transaction,
    model: LockedModel,
    version: int,
    actor: Actor,
    outcome: RequestOutcome = RequestOutcome.SUPERSEDED,
    *,
    entered: str | None = None,
    stage: str | None = None,
    asked_by: str | None = None,
) -> None:
    """End the open requests for a version; those for the entered stage are performed.

    Args:
        transaction: Where to write.
        model: The version's model.
        version: The version.
        actor: Who ends them.
        outcome: The outcome of the others.
        entered: The stage that the version enters.
        stage: Only requests for this stage.
        asked_by: Only requests of this person.
    """
    transaction.execute(
        SQL["close_requests"],
        {
            "model_id": model.model_id,
            "version": version,
            "at": model.at,
            "actor": actor.name,
            "outcome": outcome.value,
            "entered": entered,
            "stage": stage,
            "asked_by": asked_by,
        },
    )


def use_approval(transaction: Transaction, model: LockedModel, version: int, stage: str) -> None:
    """Record that a version made its approved transition, if this is the one."""
    transaction.execute(
        SQL["use_approval"], {"model_id": model.model_id, "version": version, "stage": stage}
    )


def insert_verdicts(
    transaction: Transaction,
    model: LockedModel,
    version: int,
    verdicts: Sequence[Verdict],
    actor: Actor,
) -> Rows:
    """Write verdicts, and return the rows of their ids, which a pipeline sends later."""
    return transaction.execute(
        SQL["insert_verdicts"],
        {
            "model_id": model.model_id,
            "version": version,
            "found": Jsonb([verdict.model_dump() for verdict in verdicts]),
            "at": model.at,
            "actor": actor.name,
        },
    )


def recorded_verdicts(
    written: Rows, verdicts: Sequence[Verdict], at: datetime, actor: Actor
) -> tuple[RecordedVerdict, ...]:
    """Return verdicts as :func:`insert_verdicts` wrote them."""
    return tuple(
        RecordedVerdict(**verdict.model_dump(), **row, at=at, recorded_by=actor.name)
        for verdict, row in zip(verdicts, written.fetchall(), strict=True)
    )


def latest_verdicts(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: int | None
) -> RecordPage[RecordedVerdict]:
    """Return a page of the newest verdicts of each check on a version, by the check's name.

    A check that stages require with several settings has one verdict for each of them.
    """
    found = fetch_page(
        transaction,
        SQL["latest_verdicts"],
        {
            "name_key": name_key(version.model_name),
            "version": version.version_id,
            "limit": at_least_one(limit),
            "after": after,
        },
    )
    return RecordPage((RecordedVerdict(**row) for row in found.rows), is_cut=found.is_cut)


def verdicts_of_check(
    transaction: Transaction, version: ModelVersion, check: str, *, limit: int, before: int | None
) -> RecordPage[RecordedVerdict]:
    """Return a page of all verdicts of one check on a version, the newest first."""
    found = fetch_page(
        transaction,
        SQL["verdicts_of_check"],
        {
            "name_key": name_key(version.model_name),
            "version": version.version_id,
            "check": check,
            "limit": at_least_one(limit),
            "before": before,
        },
    )
    return RecordPage((RecordedVerdict(**row) for row in found.rows), is_cut=found.is_cut)
