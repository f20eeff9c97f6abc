"""Store the failing members of background work; each beginning and end is an event."""

from collections.abc import Collection
from datetime import datetime, timedelta

from pydantic import JsonValue

from pedigree.access.reserved import BACKGROUND
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.failures.records import Failure, pause_after
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Row, Transaction

SQL = load_queries(__package__)

# A member whose retry is overdue for this long is one that the work no longer has.
_FORGOTTEN = timedelta(days=1)


def failures_of_work(transaction: Transaction, work: str) -> list[Row]:
    """Return the failing members of one kind of work, with ``is_due`` and ``is_gone``."""
    values = {"work": work, "forgotten": _FORGOTTEN}
    return transaction.execute(SQL["failures_of_work"], values).fetchall()


def note_failure(
    transaction: Transaction,
    work: str,
    member: str,
    problem: str,
    *,
    model: str | None,
    before: int,
) -> Failure:
    """Note a failed attempt; the first one is an event.

    Args:
        transaction: The transaction.
        work: The background work.
        member: What failed.
        problem: Why it failed.
        model: The registered model that it belongs to.
        before: The number of consecutive failed attempts before this one, which sets the pause.
    """
    values = {
        "work": work,
        "member": member,
        "problem": problem,
        "model": model,
        "pause": pause_after(before + 1),
    }
    (row,) = transaction.execute(SQL["note_failure"], values).fetchall()
    failure = Failure(**row)
    if failure.attempts == 1:
        _record(transaction, EventType.MEMBER_FAILED, failure, at=row["failed_since"])
    return failure


def end_failure(transaction: Transaction, work: str, member: str) -> None:
    """Remove a failing member that was handled, or that the work no longer has, with an event."""
    row = transaction.execute(SQL["end_failure"], {"work": work, "member": member}).fetchone()
    if row is not None:
        at = row.pop("at")
        _record(transaction, EventType.MEMBER_RECOVERED, Failure(**row), at=at)


def failures(
    transaction: Transaction, *, limit: int, works: Collection[str] | None = None
) -> tuple[Failure, ...]:
    """Return failing members, the ones that failed first at the top.

    Args:
        transaction: The transaction.
        limit: How many at most.
        works: Only these kinds of work; all when None.
    """
    values = {"limit": limit, "works": None if works is None else list(works)}
    return tuple(Failure(**row) for row in transaction.execute(SQL["failures"], values))


def _record(transaction: Transaction, kind: EventType, failure: Failure, *, at: datetime) -> None:
    body: dict[str, JsonValue] = {
        "work": failure.work,
        "member": failure.member,
        "problem": failure.problem,
        "attempts": failure.attempts,
    }
    log.record(transaction, kind, body, model=failure.model, at=at, actor=BACKGROUND)
