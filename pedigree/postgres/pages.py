"""Pages of rows, bounded by bytes as well as by their number.

A row can have megabytes. So a service bounds its pages in bytes, and reads a page row by row: it
never holds more than one page and one row. A registry in the caller's own process has no such
bound: the caller chooses the number of records.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, LiteralString, NamedTuple, cast

from pedigree import tracing
from pedigree.errors import InvalidInputError
from pedigree.postgres.queries import name_of
from pedigree.postgres.transaction import Row, Transaction

if TYPE_CHECKING:
    from collections.abc import Generator

    from psycopg import Cursor
    from psycopg.abc import Params

    from pedigree.postgres._asking_connection import AskingConnection

_MOST_BYTES: ContextVar[int | None] = ContextVar("most_bytes", default=None)


class FetchedPage(NamedTuple):
    """The rows of a page; ``is_cut`` if it ends because of its size, and more rows follow."""

    rows: list[Row]
    is_cut: bool


def bound_pages(most_bytes: int | None) -> None:
    """Bound the pages that the current context reads, such as that of one request.

    Args:
        most_bytes: The most bytes of a page of several rows, as Postgres sends them.
    """
    _MOST_BYTES.set(most_bytes)


def page_bytes() -> int | None:
    """Return the most bytes of a page in the current context; None if it has no bound."""
    return _MOST_BYTES.get()


def at_least_one(limit: int) -> int:
    """Return the limit of a page.

    Raises:
        InvalidInputError: The limit is less than 1.
    """
    if limit < 1:
        raise InvalidInputError(
            "a page has one record or more", field="limit", value=limit, remedy="Give 1 or more"
        )
    return limit


def fetch_page(transaction: Transaction, query: LiteralString, params: "Params") -> FetchedPage:
    """Return the rows of a query, or the first of them if all together are too large.

    There is at least one row if the query finds one.
    """
    answer = getattr(transaction, "answer", None)  # of together.AnsweredReads
    if answer is not None and (found := answer(query, params)) is not None:
        return cast("FetchedPage", found)
    most = _MOST_BYTES.get()
    # Rows cannot be read one by one in a pipeline; writes use those, and they read single rows.
    if most is None or transaction.pgconn.pipeline_status:
        return FetchedPage(transaction.execute(query, params).fetchall(), is_cut=False)
    rows: list[Row] = []
    size = 0
    # A page that is cut ends the statement.
    with closing(_streamed(transaction, query, params)) as stream:
        for row, bytes_of_row in stream:
            size += bytes_of_row
            if rows and size > most:
                return FetchedPage(rows, is_cut=True)
            rows.append(row)
    return FetchedPage(rows, is_cut=False)


@contextmanager
def one_by_one(
    transaction: Transaction, query: LiteralString, params: "Params"
) -> Iterator[Iterator[Row]]:
    """Yield an iterator over the rows of a query: only one of them is in memory at a time.

    The transaction is not in a pipeline, and runs no other statement in the block.
    """
    with closing(_streamed(transaction, query, params)) as stream:
        yield (row for row, _ in stream)


def _streamed(
    transaction: Transaction, query: LiteralString, params: "Params"
) -> "Generator[tuple[Row, int]]":
    """Yield rows with their bytes, one by one."""
    with (
        tracing.part_of_request(name_of(query), "postgresql"),
        cast("AskingConnection", transaction).streaming(),
        transaction.cursor() as cursor,
        closing(cast("Generator[Row]", cursor.stream(query, params))) as stream,
    ):
        for row in stream:
            yield row, _size_of_row(cursor)


def _size_of_row(cursor: "Cursor[Row]") -> int:
    result = cursor.pgresult
    if result is None:
        return 0
    return sum(len(result.get_value(0, column) or b"") for column in range(result.nfields))
