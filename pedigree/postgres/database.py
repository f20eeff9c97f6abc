"""The one way to Postgres: a pool per process, whole transactions that are repeated when need be.

::

    with Database.connect("postgresql://registry@db/registry") as database:
        rows = database.fetch_all("SELECT name FROM pedigree.registered_model", {})
        database.transaction(lambda connection: connection.execute("DELETE FROM …"))
"""

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self, TypeAlias, TypeVar

import psycopg
from psycopg import Connection, sql
from psycopg.abc import Params
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool, PoolClosed

from pedigree.errors import DatabaseBusyError, DatabaseUnavailableError
from pedigree.postgres._failures import is_load, is_loss, may_succeed_later
from pedigree.postgres._sources import DatabaseSource, EmbeddedSource, NamedSource, open_pool
from pedigree.postgres.embedded import EmbeddedPostgres

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")
# What may be run: text of ours, or what psycopg.sql composed; never a formatted string.
Statement: TypeAlias = LiteralString | sql.SQL | sql.Composed
Pool: TypeAlias = ConnectionPool[Connection[DictRow]]

DEFAULT_CONNECTIONS = 10
# How long a transaction is repeated before the caller hears of it.
PATIENCE_S = 10.0
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
# A caller waits so long for one of the pool's connections.
_CHECKOUT_S = 10.0

# One round trip, and safe behind a pooler in transaction mode, where session settings leak into
# other people's sessions. Nobody may hold a lock for long; a stopped process would do so for ever.
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '10s';"
    " SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'"
)


class Database:
    """One database, from as many threads and forked processes as need be.

    Nothing happens at construction: the first use connects (and starts the embedded server). A
    forked child opens connections of its own.
    """

    def __init__(self, source: DatabaseSource, *, connections: int = DEFAULT_CONNECTIONS) -> None:
        self.source = source
        self._connections = connections
        self._pool: Pool | None = None
        self._guard = threading.Lock()
        _living.add(self)

    @classmethod
    def connect(
        cls, url: str, *, connections: int = DEFAULT_CONNECTIONS, prepare: bool = False
    ) -> Self:
        """Return the database that a URL names; nothing is connected yet.

        Args:
            url: A libpq URL; SQLAlchemy's `postgresql+driver://` is understood.
            connections: How many connections this process may hold at most.
            prepare: Prepare repeated statements on the server: faster, but it breaks behind
                PgBouncer and RDS Proxy in transaction mode, hence not the default.

        Raises:
            InvalidInputError: It is not a Postgres URL.
        """
        return cls(NamedSource(url, prepare=prepare), connections=connections)

    @classmethod
    def embedded(
        cls,
        home: Path | EmbeddedPostgres,
        database: str = "pedigree",
        *,
        connections: int = DEFAULT_CONNECTIONS,
    ) -> Self:
        """Return a database of the embedded server at `home`, which the first use starts."""
        server = home if isinstance(home, EmbeddedPostgres) else EmbeddedPostgres(home)
        return cls(EmbeddedSource(server, database), connections=connections)

    @property
    def server(self) -> EmbeddedPostgres | None:
        """The embedded server; None if the database was named by a URL."""
        return self.source.server

    @property
    def url_shown(self) -> str:
        """The URL without its secrets."""
        return self.source.shown

    def transaction(
        self, work: Callable[[Connection[DictRow]], Result], *, pipelined: bool = False
    ) -> Result:
        """Run `work` in one READ COMMITTED transaction and return what it returns.

        The whole transaction is repeated, for up to some 10 s, when the connection is lost (an
        embedded server is revived), on deadlocks and on serialization failures. So `work` must be
        repeatable: it may run several times, **also after a commit that succeeded** and whose
        answer was lost. Let it have no effect but through its connection, and let a constraint
        (a unique key, a digest) make the second time find what the first one wrote. It must not
        commit, and it runs within timeouts: 10 s for a lock, 60 s for a statement.

        Args:
            work: What to do.
            pipelined: Send statements without waiting for the answers that nobody asks for, also
                the commit: a lock is held for fewer round trips. The error of a statement is then
                raised where the next answer is asked for, at the latest by this method, so `work`
                must not catch it where it is made.

        Raises:
            DatabaseUnavailableError: The server did not come back.
            DatabaseBusyError: A connection or a lock was not free in time; nothing was done.
            psycopg.Error: A statement failed for another reason, such as a unique violation; the
                subject maps it to its own error.
        """
        within = _in_pipeline if pipelined else _in_transaction
        return self._repeat(lambda connection: within(connection, work))

    def fetch_all(self, query: Statement, params: Params | None = None) -> list[DictRow]:
        """Run one statement that only reads, as :meth:`read` does, and return all its rows."""
        return self.read(lambda connection: connection.execute(query, params).fetchall())

    def read(self, work: Callable[[Connection[DictRow]], Result]) -> Result:
        """Run `work`, which only reads, statement by statement; each sees its own moment.

        Without a transaction it is a third of the round trips. It is repeated as in
        :meth:`transaction`, and raises the same.
        """
        return self._repeat(work)

    def close(self) -> None:
        """Close the connections of this process; the next use opens new ones."""
        with self._guard:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _repeat(self, action: Callable[[Connection[DictRow]], Result]) -> Result:
        deadline: float | None = None
        pause = _FIRST_PAUSE_S
        while True:
            pool = self._pool
            try:
                if pool is None:
                    pool = self._open()
                return self._checked_out(pool, action)
            except PoolClosed:
                cause: psycopg.Error | None = None  # another thread saw the server go before us
            except psycopg.OperationalError as error:
                if not may_succeed_later(error):
                    raise self._unavailable(error) from error
                cause = error
            if cause is None:
                self._discard(pool)
            _logger.info(
                "the database %s is not there, trying again: %s",
                self.url_shown,
                cause,
                extra={"action": "database.retry"},
            )
            now = time.monotonic()
            deadline = deadline or now + PATIENCE_S
            if now + pause > deadline:
                raise self._unavailable(cause) from cause
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _open(self) -> Pool:
        with self._guard:
            if self._pool is None:
                self._pool = open_pool(
                    self.source, connections=self._connections, checkout_s=_CHECKOUT_S
                )
            return self._pool

    def _checked_out(self, pool: Pool, action: Callable[[Connection[DictRow]], Result]) -> Result:
        # Not by the pool's context manager, which adds a commit's bookkeeping to each read.
        connection = pool.getconn()
        try:
            return action(connection)
        except psycopg.OperationalError as error:
            if is_loss(error):
                self._discard(pool)
            raise
        finally:
            pool.putconn(connection)

    def _discard(self, pool: Pool | None) -> None:
        """Drop a pool after a loss: its idle connections are as dead as the one that failed."""
        if pool is None:
            return
        with self._guard:
            if self._pool is pool:
                self._pool = None
        pool.close()

    def _unavailable(self, error: psycopg.Error | None) -> DatabaseUnavailableError:
        reason = str(error).strip().splitlines()[0] if error else "its connections were closed"
        message = f"the database {self.url_shown} does not do its work: {reason}"
        if error is not None and is_load(error):
            return DatabaseBusyError(message, remedy="Try again in a few seconds")
        return DatabaseUnavailableError(message, remedy=self.source.remedy)

    def _forget_after_fork(self) -> None:
        if self._pool is not None:
            _inherited.append(self._pool)
        self._pool = None
        self._guard = threading.Lock()


# A child must neither use nor close the connections of its parent: closing says goodbye to the
# server on the socket that both share. They are kept here so that nothing ever collects them.
_inherited: list[Pool] = []
_living: "weakref.WeakSet[Database]" = weakref.WeakSet()


def _forget_all() -> None:
    for database in list(_living):
        database._forget_after_fork()


os.register_at_fork(after_in_child=_forget_all)


def _close_all() -> None:
    for database in list(_living):
        database.close()


# Left to the interpreter's last moments, a pool waits in vain for its threads, for seconds.
atexit.register(_close_all)


def _in_transaction(
    connection: Connection[DictRow], work: Callable[[Connection[DictRow]], Result]
) -> Result:
    connection.execute(_BEGIN)
    try:
        result = work(connection)
        status = connection.info.transaction_status
        if status == TransactionStatus.UNKNOWN:
            raise psycopg.OperationalError("the connection was lost while the work went on")
        if status != TransactionStatus.INTRANS:
            # A COMMIT would roll back and say nothing.
            raise psycopg.errors.InFailedSqlTransaction(
                "the work returned although a statement of its transaction had failed"
            )
        connection.commit()
    except BaseException:
        with contextlib.suppress(psycopg.Error):  # the first error is the one to tell
            connection.rollback()
        raise
    return result


def _in_pipeline(
    connection: Connection[DictRow], work: Callable[[Connection[DictRow]], Result]
) -> Result:
    connection.execute(_BEGIN)
    try:
        with connection.pipeline():
            result = work(connection)
            # Behind a statement that failed it is not done, and its error is raised here.
            connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(psycopg.Error):  # the first error is the one to tell
            connection.rollback()
        raise
    return result
