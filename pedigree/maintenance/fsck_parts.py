"""Invariants in SQL: of one query or several, each with a snapshot of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import LiteralString, TypeAlias

from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row, Transaction, stream, take_snapshot

PartsDone: TypeAlias = Callable[[int, int | None], None]
"""Called with how much of an invariant is checked, and how much there is if that is known."""

Part: TypeAlias = Callable[[PartsDone], Tally]
"""A part of an invariant, which needs no other one."""


def unreported(done: int, expected: int | None) -> None:
    """Report the progress to nobody."""


# The longest first. Each compares tables that change in one transaction.
_QUERIES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "search_index_matches": (
            "search_records_match",
            "search_rows_match",
            "search_texts_match",
            "search_terms_match",
            "search_models_match",
        )
    }
)


def sql_parts(database: Database, name: str) -> tuple[Part, ...]:
    """Return the queries that find the violations of an invariant.

    Args:
        database: The registry's database.
        name: The invariant; the query ``count_<name>`` counts what is checked.
    """
    first, *others = (SQL[query] for query in _QUERIES.get(name, (name,)))
    counted = partial(_look, database, first, SQL[f"count_{name}"])
    return (counted, *(partial(_look, database, query, None) for query in others))


def rows_of(transaction: Transaction, query: LiteralString) -> Iterator[Row]:
    """Yield the rows of a query that reads whole tables, from a snapshot of its own."""
    take_snapshot(transaction)
    transaction.execute(SQL["plan_for_whole_tables"])
    yield from stream(transaction, query)


def _look(
    database: Database, query: LiteralString, count: LiteralString | None, _: PartsDone
) -> Tally:
    def look(transaction: Transaction) -> Tally:
        tally = Tally()
        for row in rows_of(transaction, query):
            tally.found(row["reference"], row["problem"])
        return tally

    tally = database.transaction(look)
    if count is not None:
        tally.looked_at = database.fetch_all(count)[0]["count"]
    return tally
