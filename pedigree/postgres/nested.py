"""A database inside one open transaction, so that several verbs become one change."""

from collections.abc import Callable
from typing import TypeVar

from psycopg import Connection
from psycopg.rows import DictRow

from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

Result = TypeVar("Result")


class NestedDatabase(Database):
    """Runs all work in a transaction that somebody else began, and will commit or repeat."""

    def __init__(self, outer: Database, transaction: Transaction) -> None:
        super().__init__(outer.source, connections=0)
        self._transaction = transaction

    def transaction(
        self,
        work: Callable[[Connection[DictRow]], Result],
        *,
        pipelined: bool = False,  # noqa: ARG002 -- whoever began the transaction says so
    ) -> Result:
        """Run `work` behind a savepoint: what it wrote goes when it raises, and nothing else."""
        with self._transaction.transaction():
            return work(self._transaction)

    def read(self, work: Callable[[Connection[DictRow]], Result]) -> Result:
        """Run `work`, which only reads, and sees what the transaction has written."""
        return work(self._transaction)

    def close(self) -> None:
        """Leave the connection to whoever began the transaction."""
