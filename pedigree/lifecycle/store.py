"""Rows of stages, aliases and verdicts ↔ records."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.types.json import Jsonb

from pedigree._record import RecordPage
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, version_not_found
from pedigree.errors import NothingToRollBackError, StageEmptyError
from pedigree.lifecycle.decision_records import RequestOutcome
from pedigree.lifecycle.records import ARCHIVED, RecordedVerdict, Verdict
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.queries import load_queries
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Rows, Transaction

SQL = load_queries(__package__)

STAGE = "stage"
ALIAS = "alias"


class VersionState(NamedTuple):
    """The state of a version that the gates use."""

    version: int
    digest: str | None
    approval_status: str
    quarantine_reason: str | None
    hold_reason: str | None
    stage: str


class Holder(NamedTuple):
    """A version that holds a pointer."""

    version: int
    digest: str | None
    """None if it is not sealed."""


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


def holders(transaction: Transaction, model_id: int, stage: str) -> tuple[Holder, ...]:
    """Return the versions that hold a stage, the one that entered it last at the end."""
    rows = transaction.execute(
        SQL["holders_of_stage"], {"model_id": model_id, "stage": stage}
    ).fetchall()
    return tuple(Holder(**row) for row in rows)


class ExpectedRollback(NamedTuple):
    """What a rollback of a stage does.

    Attributes:
        present: The holder of the stage, which is archived.
        returns: The number of the version that returns.
    """

    present: Holder
    returns: int


def find_rollback(
    transaction: Transaction, model_id: int, name: str, stage: str, from_here_on: Sequence[str]
) -> ExpectedRollback:
    """Return the holder of a stage, and the previous one that did not enter a later stage.

    Args:
        transaction: Where to read.
        model_id: The model.
        name: Its name.
        stage: The stage.
        from_here_on: The stage and those after it.

    Raises:
        StageEmptyError: No version holds the stage.
        NothingToRollBackError: There is no earlier holder that may still run.
    """
    present = holder(transaction, model_id, STAGE, stage)
    if present is None:
        raise StageEmptyError(
            "no version holds it, so there is nothing to roll back",
            field="stage",
            value=stage,
            remedy=f"`pedigree versions {name}` shows which stages are held",
        )
    row = transaction.execute(
        SQL["rollback_target"],
        {
            "model_id": model_id,
            "name": stage,
            "holder": present.version,
            "from_here_on": list(from_here_on),
        },
    ).fetchone()
    if row is None:
        reference = f"{name}/{present.version}"
        raise NothingToRollBackError(
            f"{reference} has no earlier holder to return to",
            field="stage",
            value=stage,
            remedy="Promote the version that should hold it; `pedigree promote"
            f" {reference} --to {ARCHIVED}` leaves the stage to nobody",
        )
    return ExpectedRollback(present, row["version"])


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


def insert_verdicts(
    transaction: Transaction,
    model: LockedModel,
    version: int,
    verdicts: Sequence[Verdict],
    actor: Actor,
) -> Rows:
    """Write verdicts, each with its event.

    Returns:
        The rows of their ids, which a pipeline sends later.
    """
    events = [
        model.event(
            EventType.VERSION_CHECK_RECORDED,
            verdict.model_dump(mode="json"),
            version=version,
            actor=actor,
        )
        for verdict in verdicts
    ]
    return transaction.execute(
        SQL["insert_verdicts"],
        {
            "model_id": model.model_id,
            "version": version,
            "found": Jsonb([verdict.model_dump() for verdict in verdicts]),
            "event_ids": [event.event_id for event in events],
            "canonicals": [event.canonical() for event in events],
            "at": model.at,
            "actor": actor.name,
            "actor_source": actor.source,
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


def latest_verdicts_question(name: str, version: int, *, limit: int, after: int | None) -> Question:
    """Return what :func:`latest_verdicts` asks."""
    values = {
        "name_key": name_key(name),
        "version": version,
        "limit": at_least_one(limit),
        "after": after,
    }
    return Question(SQL["latest_verdicts"], values, is_page=True)


def latest_verdicts(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: int | None
) -> RecordPage[RecordedVerdict]:
    """Return a page of the newest verdicts of each check on a version, by the check's name.

    A check that stages require with several settings has one verdict for each of them.
    """
    name, number = version.model_name, version.version_id
    asked = latest_verdicts_question(name, number, limit=limit, after=after)
    found = fetch_page(transaction, asked.query, asked.params)
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
