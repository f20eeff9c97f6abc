"""The queue of pending versions: which of them this process fetches, until when.

The queue is the versions themselves, so none is lost: a row of ``pending_work`` only says who has
one at the moment. Its time is the database's.
"""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries

SQL = load_queries(__package__)

LEASE = timedelta(seconds=20)
"""How long a version is a process's that does not renew it, for instance because it was killed."""


class TakenVersion(NamedTuple):
    """A pending version that is this process's."""

    name: str
    version: int
    failures: int
    """How often its source did not answer before."""

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.name}/{self.version}"


class PendingQueue:
    """The queue as one holder uses it.

    Args:
        database: The registry's database.
        holder: A random value of this holder.
    """

    def __init__(self, database: Database, holder: UUID) -> None:
        self._database = database
        self._holder = holder

    def take(self) -> TakenVersion | None:
        """Take the version that waits longest; None if none waits.

        Without one it is one statement.
        """
        if self._database.fetch_all(SQL["anything_pending"]) == [{"waiting": False}]:
            return None
        values = {"lease": LEASE, "holder": self._holder}
        row = self._database.transaction(
            lambda transaction: transaction.execute(SQL["take_pending"], values).fetchone()
        )
        return TakenVersion(**row) if row else None

    def renew(self, taken: TakenVersion) -> bool:
        """Keep a version; return False if it is not this holder's any more."""
        return self._database.transaction(
            lambda transaction: (
                transaction.execute(
                    SQL["renew_pending"], {**self._values(taken), "lease": LEASE}
                ).fetchone()
                is not None
            )
        )

    def postpone(self, taken: TakenVersion, pause: timedelta) -> None:
        """Give a version back; it waits for some time."""
        values = {**self._values(taken), "pause": pause}
        self._database.transaction(lambda tx: tx.execute(SQL["postpone_pending"], values))

    def pause(self, taken: TakenVersion, pause: timedelta) -> None:
        """Give a version back that waits for others; its source has not failed."""
        values = {**self._values(taken), "pause": pause}
        self._database.transaction(lambda tx: tx.execute(SQL["pause_pending"], values))

    def end(self, taken: TakenVersion) -> None:
        """Note that nothing is to be done for a version any more."""
        values = self._values(taken)
        self._database.transaction(lambda tx: tx.execute(SQL["end_pending"], values))

    def _values(self, taken: TakenVersion) -> dict[str, object]:
        return {"name": taken.name, "version": taken.version, "holder": self._holder}
