"""A connection inside ``Database.transaction``: one transaction, rows as dictionaries."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias

if TYPE_CHECKING:
    from psycopg import Connection, Cursor
    from psycopg.abc import Params

Row: TypeAlias = dict[str, Any]
# By its name: the records of the modules that take one are also for who has no driver.
Transaction: TypeAlias = "Connection[Row]"
Rows: TypeAlias = "Cursor[Row]"

_PAGE = 1000


def take_snapshot(transaction: Transaction) -> None:
    """Let a transaction see the database as it is at its next statement, however long it takes.

    To be called before anything else is read. Its statements may then take their time.
    """
    transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    transaction.execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min'"
    )


def stream(
    transaction: Transaction, query: LiteralString, params: "Params | None" = None
) -> Iterator[Row]:
    """Give a query's rows, of which only a page is held in memory at a time."""
    with transaction.cursor(name="stream") as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(query, params)
