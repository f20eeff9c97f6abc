"""A database inside an open transaction, so that several operations are one change."""

from collections.abc import Callable
from typing import TypeVar

from psycopg import Connection
from psycopg.rows import DictRow

from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

Result = TypeVar("Result")


class NestedDatabase(Database):
    """A database that runs all work in a transaction that its creator commits or retries."""

    def __init__(self, outer: Database, transaction: Transaction) -> None:
        super().__init__(outer.source, connections=0)
        self._transaction = transaction

    def transaction(
        self,
        work: Callable[[Connection[DictRow]], Result],
        *,
        pipelined: bool = False,  # noqa: ARG002 -- the outer transaction determines it
    ) -> Result:
        """Run `work` after a savepoint, to which an exception rolls back."""
        with self._transaction.transaction():
            return work(self._transaction)

    def read(self, work: Callable[[Connection[DictRow]], Result]) -> Result:
        """Run read-only `work`, which sees the writes of the transaction."""
        return work(self._transaction)

    def close(self) -> None:
        """Do nothing: the connection belongs to the outer transaction."""
