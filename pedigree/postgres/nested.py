"""A database inside an open transaction, so that several operations are one change."""

from collections.abc import Callable
from typing import TypeVar

from psycopg import Connection
from psycopg.rows import DictRow

from pedigree.postgres.asker import DatabaseRole
from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_QUERIES = load_queries(__package__)

Result = TypeVar("Result")


class NestedDatabase(Database):
    """A database that runs all work in a transaction that its creator commits or retries.

    Args:
        outer: The database of the transaction.
        transaction: The open transaction.
        role: The role of the database to work in; that of the transaction when None.
    """

    def __init__(
        self, outer: Database, transaction: Transaction, role: DatabaseRole | None = None
    ) -> None:
        super().__init__(outer.source, connections=0)
        self._transaction = transaction
        self._role = role

    def in_role(self, role: DatabaseRole) -> "NestedDatabase":
        """Return a database that works in a role of its own, within the same transaction."""
        return NestedDatabase(self, self._transaction, role)

    def transaction(
        self,
        work: Callable[[Connection[DictRow]], Result],
        *,
        pipelined: bool = False,  # noqa: ARG002 -- the outer transaction determines it
    ) -> Result:
        """Run `work` after a savepoint, to which an exception rolls back."""
        with self._transaction.transaction():
            return (
                work(self._transaction) if self._role is None else self._work_in(self._role, work)
            )

    def read(self, work: Callable[[Connection[DictRow]], Result]) -> Result:
        """Run read-only `work`, which sees the writes of the transaction."""
        return work(self._transaction) if self._role is None else self.transaction(work)

    def close(self) -> None:
        """Do nothing: the connection belongs to the outer transaction."""

    def _work_in(self, role: str, work: Callable[[Connection[DictRow]], Result]) -> Result:
        # After an exception, the savepoint restores the role.
        before = self._enter(role)
        result = work(self._transaction)
        self._enter(before)
        return result

    def _enter(self, role: str) -> str:
        rows = self._transaction.execute(_QUERIES["enter_role"], {"role": role}).fetchall()
        return str(rows[0]["role"])
