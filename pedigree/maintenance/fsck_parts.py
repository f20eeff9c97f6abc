"""Invariants in SQL. Those of several queries run them at once, each with a snapshot of its own."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import LiteralString, TypeAlias

from pedigree.maintenance.queries import SQL
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction, stream, take_snapshot

PartsDone: TypeAlias = Callable[[int, int | None], None]
"""Called with how much of an invariant is checked, and how much there is if that is known."""


def unreported(done: int, expected: int | None) -> None:
    """Report the progress to nobody."""


# More queries at once need more memory, and few servers have processors for them.
_AT_ONCE = 2
# The longest first. Each compares tables that change in one transaction.
_QUERIES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "search_index_matches": (
            "search_records_match",
            "search_texts_match",
            "search_rows_match",
            "search_terms_match",
        )
    }
)


def check_sql(database: Database, name: str, report: PartsDone) -> Tally:
    """Check an invariant by the queries that return its violations.

    Args:
        database: The registry's database.
        name: The invariant; the query ``count_<name>`` counts what is checked.
        report: Called after each query.
    """
    counted = database.fetch_all(SQL[f"count_{name}"])
    tally = Tally(looked_at=counted[0]["count"])
    queries = [SQL[query] for query in _QUERIES.get(name, (name,))]
    with ThreadPoolExecutor(_AT_ONCE, "pedigree-fsck") as pool:
        for done, found in enumerate(pool.map(partial(_look, database), queries), 1):
            tally.add(found)
            report(done, len(queries))
    return tally


def _look(database: Database, query: LiteralString) -> Tally:
    def look(transaction: Transaction) -> Tally:
        take_snapshot(transaction)
        transaction.execute(SQL["plan_for_whole_tables"])
        tally = Tally()
        for row in stream(transaction, query):
            tally.found(row["reference"], row["problem"])
        return tally

    return database.transaction(look)
