"""Runs of custom asset checks: verdicts on the versions that they checked.

The Dagster side determines which version a run checked. This module turns a run into one verdict,
or, if its version is not known, into a note without a verdict.
"""

from typing import NamedTuple

from pydantic import JsonValue

from pedigree.access.principal import Principal
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.lifecycle.awaited_checks import answer_awaited, awaiting_version
from pedigree.lifecycle.check_run_records import CheckRun
from pedigree.lifecycle.records import RecordedVerdict, Verdict
from pedigree.lifecycle.shared_verdicts import shared_as
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.lifecycle.store import SQL
from pedigree.postgres.transaction import Transaction


def record_check_run(
    transaction: Transaction, name: str, run: CheckRun, actor: Actor
) -> RecordedVerdict | None:
    """Record the result of a run of an asset check, once.

    Returns:
        The verdict; None if the run was recorded before, is older than one of the same check on
        the same version, checked an unknown version, or judges a pending version: its verdict is
        recorded with the sealing.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    model = lock_model(transaction, name)
    checked = _version_of(transaction, model, run)
    version, problem = checked.version, checked.problem
    values = {
        "model_id": model.model_id,
        **run.model_dump(include={"instance_id", "event_id", "check", "run_id", "looked_at"}),
        "version": version,
        "problem": problem,
    }
    if transaction.execute(SQL["insert_check_run"], values).fetchone() is None:
        return None
    if version is None:
        body: dict[str, JsonValue] = {
            "check": run.check,
            "problem": problem,
            "run_id": run.run_id,
            "evaluation": _place(run),
        }
        kind = EventType.MODEL_CHECK_UNATTRIBUTED
        model.record(kind, body, actor=actor)
        return None
    if transaction.execute(SQL["newer_check_run"], values).fetchone() == {"known": True}:
        return None
    verdict = _verdict(run)
    answer_awaited(transaction, model.model_id, verdict)
    if not checked.is_sealed:
        return None
    mover = StageTransition(transaction, name, Principal(actor=actor), run_id=run.run_id)
    (recorded,) = mover.record_verdicts(version, [verdict])
    for copy in checked.copies:
        mover.record_verdicts(copy, [shared_as(verdict, f"{name}/{version}")])
    return recorded


class _Checked(NamedTuple):
    """The version that a run checked; None with the reason if it is not known."""

    version: int | None
    problem: str | None = None
    is_sealed: bool = False
    copies: tuple[int, ...] = ()
    """Other versions with the same bytes."""


def _version_of(transaction: Transaction, model: LockedModel, run: CheckRun) -> _Checked:
    if run.digest is None:
        return _Checked(None, run.problem or "it is not known which version it checked")
    rows = transaction.execute(
        SQL["version_of_digest"], {"model_id": model.model_id, "digest": run.digest}
    ).fetchall()
    if rows:
        version, *copies = (row["version"] for row in rows)
        return _Checked(version, is_sealed=True, copies=tuple(copies))
    waiting = awaiting_version(transaction, model.model_id, run.digest)
    if waiting is not None:
        return _Checked(waiting)
    return _Checked(None, f"no version of {model.name} has the bytes {run.digest}")


def _verdict(run: CheckRun) -> Verdict:
    return Verdict(
        check=run.check,
        passed=run.passed,
        severity=run.severity,
        digest=run.digest or "",
        summary=run.summary,
        details={
            **run.details,
            "evaluation": _place(run),
            "looked_at": run.looked_at.isoformat(),
        },
        run_id=run.run_id,
    )


def _place(run: CheckRun) -> str:
    return f"{run.instance_id}/{run.event_id}"
