"""Run work in one transaction of a connection, with a round trip for each result that is read."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from pedigree.postgres._asking_connection import AskingConnection

Result = TypeVar("Result")

# One round trip, and safe with a pooler in transaction mode, in which session settings leak into
# other sessions. The timeouts limit how long a lock is held, also by a suspended process.
BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '10s';"
    " SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'"
)


def in_transaction(
    connection: AskingConnection, work: Callable[[AskingConnection], Result]
) -> Result:
    """Run work in a transaction, and commit it.

    Raises:
        psycopg.Error: A statement failed, or the connection was lost.
    """
    with _begun(connection):
        result = work(connection)
        status = connection.info.transaction_status
        if status == TransactionStatus.UNKNOWN:
            raise psycopg.OperationalError("the connection was lost during the work")
        if status != TransactionStatus.INTRANS:
            # A COMMIT would roll back without an error.
            raise psycopg.errors.InFailedSqlTransaction(
                "the work returned although a statement of its transaction had failed"
            )
        connection.commit()
    return result


def in_pipeline(connection: AskingConnection, work: Callable[[AskingConnection], Result]) -> Result:
    """Run work in a transaction whose statements, with the commit, are sent without waiting.

    Raises:
        psycopg.Error: A statement failed, or the connection was lost.
    """
    with _begun(connection), connection.pipeline():
        result = work(connection)
        # After a failed statement the commit is skipped, and the end of the pipeline raises.
        connection.execute("COMMIT")
    return result


@contextlib.contextmanager
def _begun(connection: AskingConnection) -> Iterator[None]:
    """Begin a transaction, which the block commits; roll it back if the block fails."""
    connection.begin(BEGIN)
    try:
        yield
    except BaseException:
        with contextlib.suppress(psycopg.Error):  # keep the first error
            connection.rollback()
        raise
