"""Access to Postgres: one pool per process, and transactions that are retried.

::

    with Database.connect("postgresql://registry@db/registry") as database:
        rows = database.fetch_all("SELECT name FROM pedigree.registered_model", {})
        database.transaction(lambda connection: connection.execute("DELETE FROM …"))
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self, TypeAlias, TypeVar

import psycopg
from psycopg import Connection, sql
from psycopg.abc import Params
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool, PoolClosed

from pedigree.errors import DatabaseBusyError, DatabaseUnavailableError
from pedigree.postgres._asking_connection import AskingConnection
from pedigree.postgres._failures import (
    input_error,
    is_failure,
    is_load,
    is_loss,
    may_succeed_later,
)
from pedigree.postgres._lifetime import end_with_process, keep_inherited
from pedigree.postgres._one_transaction import in_pipeline, in_transaction
from pedigree.postgres._search_places import SearchPlaces
from pedigree.postgres._sources import DatabaseSource, EmbeddedSource, NamedSource, open_pool
from pedigree.postgres.asker import PROCESS, Asker
from pedigree.postgres.embedded import EmbeddedPostgres

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")
# Statements are literal text or composed by psycopg.sql, never formatted strings.
Statement: TypeAlias = LiteralString | sql.SQL | sql.Composed
Pool: TypeAlias = ConnectionPool[AskingConnection]

DEFAULT_CONNECTIONS = 10
DEFAULT_SEARCHES = 2
# For how long a transaction is retried before the caller gets an error.
RETRY_S = 10.0
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
# How long a caller waits for a connection of the pool.
_CHECKOUT_S = 10.0


class Database:
    """One database, usable from threads and forked processes.

    The constructor does not connect: the first use connects and starts the embedded server. A
    forked child opens its own connections.
    """

    def __init__(
        self,
        source: DatabaseSource,
        *,
        connections: int = DEFAULT_CONNECTIONS,
        searches: int = DEFAULT_SEARCHES,
        asker: Asker = PROCESS,
    ) -> None:
        self.source = source
        self.asker = asker
        self._connections = connections
        self._search_places = SearchPlaces(searches)
        self._pool: Pool | None = None
        self._guard = threading.Lock()
        end_with_process(self)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        connections: int = DEFAULT_CONNECTIONS,
        searches: int = DEFAULT_SEARCHES,
    ) -> Self:
        """Return the database at a URL without connecting.

        Args:
            url: A libpq URL, or SQLAlchemy's `postgresql+driver://`.
            connections: The maximum number of connections of this process.
            searches: The maximum number of them that run searches.

        Raises:
            InvalidInputError: The text is not a Postgres URL.
        """
        return cls(NamedSource(url), connections=connections, searches=searches)

    @classmethod
    def embedded(
        cls,
        home: Path | EmbeddedPostgres,
        database: str = "pedigree",
        *,
        connections: int = DEFAULT_CONNECTIONS,
        searches: int = DEFAULT_SEARCHES,
        as_application: bool = False,
    ) -> Self:
        """Return a database of the embedded server at `home`; the first use starts the server.

        Args:
            home: The home folder, or its server.
            database: The name of the database.
            connections: The maximum number of connections of this process.
            searches: The maximum number of them that run searches.
            as_application: Connect in the application's role instead of the owner's.
        """
        server = home if isinstance(home, EmbeddedPostgres) else EmbeddedPostgres(home)
        source = EmbeddedSource(server, database, as_application=as_application)
        return cls(source, connections=connections, searches=searches)

    @property
    def server(self) -> EmbeddedPostgres | None:
        """The embedded server; None for a database at a URL."""
        return self.source.server

    @property
    def connected(self) -> "Database":
        """The database that has the connections, which several askers may share."""
        return self

    @property
    def url_shown(self) -> str:
        """The URL without its secrets."""
        return self.source.shown

    def transaction(
        self, work: Callable[[Connection[DictRow]], Result], *, pipelined: bool = False
    ) -> Result:
        """Run `work` in one READ COMMITTED transaction and return its result.

        The whole transaction is retried, for up to 10 s, if the connection is lost (an embedded
        server is restarted), and after deadlocks and serialization failures. So `work` must be
        repeatable: it may run several times, **also after a successful commit** whose confirmation
        was lost. It must have no effects outside its connection, and by a constraint a second run
        finds the rows of the first. It must not commit. A lock has 10 s, a statement 60 s.

        Args:
            work: The statements to run on the connection.
            pipelined: Send statements, including the commit, without waiting for results that are
                not read: locks are held for fewer round trips. The error of a statement is then
                raised when the next result is read, at the latest by this method, so `work` cannot
                catch it at the statement.

        Raises:
            DatabaseUnavailableError: The server did not become available in time.
            DatabaseBusyError: A connection or a lock was not free in time; nothing was done.
            InvalidInputError: Postgres cannot store a value.
            psycopg.Error: A constraint is violated; the caller maps it to a domain error.
        """
        run = in_pipeline if pipelined else in_transaction
        return self._retry(lambda connection: run(connection, work))

    def fetch_all(self, query: Statement, params: Params | None = None) -> list[DictRow]:
        """Run one read-only statement, as in :meth:`read`, and return all its rows."""
        return self.read(lambda connection: connection.execute(query, params).fetchall())

    def call(self, query: Statement, params: Params | None = None) -> DictRow:
        """Run one statement as a transaction, which may be repeated, and return its only row."""
        return self.fetch_all(query, params)[0]

    def read(self, work: Callable[[Connection[DictRow]], Result]) -> Result:
        """Run read-only `work` without a transaction; each statement has its own snapshot.

        It needs a third of a transaction's round trips, and is retried and fails like one.
        """
        return self._retry(work)

    def search(self, work: Callable[[Connection[DictRow]], Result]) -> Result:
        """Run read-only work that may be slow, as :meth:`read`, but little of it at once.

        So slow searches leave connections and processors to other reads.

        Raises:
            DatabaseBusyError: Other searches took all places for 10 s; nothing was done.
        """
        with self._search_places.taken():
            return self.read(work)

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

    def _retry(self, action: Callable[[AskingConnection], Result]) -> Result:
        return self.retry_for(self.asker, action)

    def retry_for(self, asker: Asker, action: Callable[[AskingConnection], Result]) -> Result:
        """Run an action for an asker on a connection, as :meth:`read`."""
        deadline: float | None = None
        pause = _FIRST_PAUSE_S
        unsure = False  # an earlier attempt may have committed, so "busy" would say too much
        while True:
            pool = self._pool
            try:
                if pool is None:
                    pool = self._open()
                return self._checked_out(pool, asker, action)
            except PoolClosed:
                cause: psycopg.Error | None = None  # another thread noticed the loss first
            except psycopg.Error as error:
                if not is_failure(error):
                    raise
                if not may_succeed_later(error):
                    raise self._unavailable(error, unsure) from error
                cause, unsure = error, unsure or (pool is not None and is_loss(error))
            if cause is None:
                self._discard(pool)
            _logger.info(
                "the database %s is unavailable, retrying: %s",
                self.url_shown,
                cause,
                extra={"action": "database.retry"},
            )
            deadline = deadline or time.monotonic() + RETRY_S
            if time.monotonic() + pause > deadline:
                raise self._unavailable(cause, unsure) from cause
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _open(self) -> Pool:
        with self._guard:
            if self._pool is None:
                self._pool = open_pool(
                    self.source, connections=self._connections, checkout_s=_CHECKOUT_S
                )
            return self._pool

    def _checked_out(
        self, pool: Pool, asker: Asker, action: Callable[[AskingConnection], Result]
    ) -> Result:
        # Without the pool's context manager, which adds a commit to each read.
        connection = pool.getconn()
        connection.asker = asker
        try:
            return action(connection)
        except (psycopg.Error, UnicodeError) as error:
            if refused := input_error(error):
                raise refused from error
            if isinstance(error, psycopg.Error) and is_failure(error) and is_loss(error):
                self._discard(pool)
            raise
        finally:
            pool.putconn(connection)

    def _discard(self, pool: Pool | None) -> None:
        """Discard a pool after a lost connection: its idle connections are lost, too."""
        if pool is None:
            return
        with self._guard:
            if self._pool is pool:
                self._pool = None
        pool.close()

    def _unavailable(self, error: psycopg.Error | None, unsure: bool) -> DatabaseUnavailableError:
        reason = str(error).strip().splitlines()[0] if error else "its connections were closed"
        message = f"the database {self.url_shown} is unavailable: {reason}"
        if error is not None and is_load(error) and not unsure:
            return DatabaseBusyError(message, remedy="Try again in a few seconds")
        return DatabaseUnavailableError(message, remedy=self.source.remedy)

    def forget_after_fork(self) -> None:
        """Open connections of its own in a forked child."""
        if self._pool is not None:
            keep_inherited(self._pool)
        self._pool = None
        self._guard = threading.Lock()
        self._search_places = self._search_places.renewed()
