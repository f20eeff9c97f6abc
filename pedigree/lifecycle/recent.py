"""What was asked for, decided and overridden recently in all models, the newest first.

The tables have no index for the models that somebody may read, so a page reads a bounded range of
numbers, and says where the next one begins.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar

from pedigree.lifecycle.decision_records import Decision, StageOverride, StageRequest
from pedigree.lifecycle.store import SQL
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.transaction import Row, Transaction

T = TypeVar("T")

MOST_READ = 20_000
"""How many numbers a page covers at most."""


class DecisionOfModel(NamedTuple):
    """A decision, with the model that it is about."""

    model_name: str
    decision: Decision


class OverrideOfModel(NamedTuple):
    """An override, with the model that it is about."""

    model_name: str
    override: StageOverride


class RecentPage(NamedTuple, Generic[T]):
    """A page of records, the newest first.

    Attributes:
        records: The records.
        older: Where the next page begins, as its ``before``; None if there are no older ones.
    """

    records: tuple[T, ...]
    older: int | None


class _Source(NamedTuple):
    """A table that is read by its numbers, the highest first."""

    page: LiteralString
    newest: LiteralString
    number: str


_DECISIONS = _Source(SQL["recent_decisions"], SQL["newest_decision"], "decision_id")
_OVERRIDES = _Source(SQL["recent_overrides"], SQL["newest_override"], "override_id")
_REQUESTS = _Source(SQL["recent_requests"], SQL["newest_request"], "request_id")


def recent_decisions(
    transaction: Transaction,
    *,
    limit: int,
    before: int | None,
    visible: Sequence[str] | None,
    person: str | None = None,
    most_read: int = MOST_READ,
) -> RecentPage[DecisionOfModel]:
    """Return approvals and rejections, the newest first.

    Args:
        transaction: Where to read.
        limit: The largest number of results.
        before: Only those before this number.
        visible: Only those about models of these names; all when None.
        person: Only those of this person; of all when None.
        most_read: How many numbers are covered at most.
    """
    values = {"limit": limit, "before": before, "visible": visible, "person": person}
    return _read(transaction, _DECISIONS, values, _decision, most_read)


def recent_overrides(
    transaction: Transaction,
    *,
    limit: int,
    before: int | None,
    visible: Sequence[str] | None,
    most_read: int = MOST_READ,
) -> RecentPage[OverrideOfModel]:
    """Return overrides, the newest first; the arguments are those of :func:`recent_decisions`."""
    values = {"limit": limit, "before": before, "visible": visible}
    return _read(transaction, _OVERRIDES, values, _override, most_read)


def recent_requests(
    transaction: Transaction,
    person: str,
    *,
    limit: int,
    before: int | None,
    visible: Sequence[str] | None,
    most_read: int = MOST_READ,
) -> RecentPage[StageRequest]:
    """Return the requests of a person, open and ended ones, the newest first."""
    values = {"limit": limit, "before": before, "visible": visible, "person": person}
    return _read(transaction, _REQUESTS, values, lambda row: StageRequest(**row), most_read)


def _decision(row: Row) -> DecisionOfModel:
    found = {key: row[key] for key in Decision.model_fields}
    return DecisionOfModel(row["model_name"], Decision(**found))


def _override(row: Row) -> OverrideOfModel:
    found = {key: row[key] for key in StageOverride.model_fields}
    return OverrideOfModel(row["model_name"], StageOverride(**found))


def _read(
    transaction: Transaction,
    source: _Source,
    values: dict[str, Any],
    made: Callable[[Row], T],
    most_read: int,
) -> RecentPage[T]:
    before, limit = values["before"], at_least_one(values["limit"])
    if before is None:
        row = transaction.execute(source.newest).fetchone() or {}
        before = int(row["number"]) + 1
    first = max(1, before - most_read)
    found = fetch_page(
        transaction,
        source.page,
        {**values, "before": before, "first": first, "limit": limit + 1},
    )
    shown = found.rows[:limit]
    older = None if first == 1 else first
    if found.is_cut or len(found.rows) > limit:
        older = shown[-1][source.number]
    return RecentPage(tuple(map(made, shown)), older)
