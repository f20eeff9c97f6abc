"""A connection inside ``Database.transaction``: one transaction, rows as dictionaries."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias

if TYPE_CHECKING:
    from psycopg import Connection, Cursor
    from psycopg.abc import Params

Row: TypeAlias = dict[str, Any]
# As a string, so that modules that use it can be imported without a driver.
Transaction: TypeAlias = "Connection[Row]"
Rows: TypeAlias = "Cursor[Row]"

_PAGE = 1000


def take_snapshot(transaction: Transaction) -> None:
    """Give a transaction one snapshot of the database, taken at its next statement.

    Call it before the first read. It also removes the statement timeout, and the planner then plans
    for all rows of a stream; by default it plans for the first tenth.
    """
    transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    transaction.execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min';"
        " SET LOCAL cursor_tuple_fraction = 1"
    )


def stream(
    transaction: Transaction, query: LiteralString, params: "Params | None" = None
) -> Iterator[Row]:
    """Yield a query's rows; only one page is in memory at a time."""
    with transaction.cursor(name="stream") as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(query, params)
