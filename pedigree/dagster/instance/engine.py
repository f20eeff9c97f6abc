"""The connections of Dagster's storage: pooled, tested before use, not shared across a fork."""

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg2  # type: ignore[import-untyped]  # it ships no types
import sqlalchemy
from dagster_postgres.utils import create_pg_engine
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError

# A connection that was used this short a time ago needs no question to the server: that its server
# ended shows in its socket. Dagster takes a connection for each of its thousands of statements.
TRUSTED_S = 1.0


def open_engine(url: str, revive: Callable[[], None] | None) -> sqlalchemy.Engine:
    """Return an engine that pools one connection per process and reconnects when necessary."""
    engine = create_pg_engine(
        url, None, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=-1, pool_use_lifo=True
    )
    test_connections(engine, revive)
    return engine


@contextmanager
def table_creation_lock(engine: sqlalchemy.Engine) -> Iterator[None]:
    """Let only one process at a time create Dagster's tables.

    dagster-postgres retries only after some of the conflicts between two concurrent processes.
    """
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('pedigree.dagster.tables', 0))"
    with engine.connect() as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            connection.execute(sqlalchemy.text(lock))
            yield


def test_connections(engine: sqlalchemy.Engine, revive: Callable[[], None] | None) -> None:
    """Make an engine test its connections before use, and restart the embedded server."""
    event.listen(engine, "checkout", partial(_ping, engine.dialect))
    event.listen(engine, "connect", _store_process_id)
    event.listen(engine, "checkin", _store_time)
    if revive:
        event.listen(engine, "do_connect", partial(_connect_or_revive, revive))


def _connect_or_revive(
    revive: Callable[[], None], dialect: Any, _record: Any, cargs: Any, cparams: Any
) -> Any:
    try:
        return dialect.connect(*cargs, **cparams)
    except psycopg2.OperationalError:
        revive()
        return dialect.connect(*cargs, **cparams)


def _store_process_id(_connection: Any, record: Any) -> None:
    record.info["process"] = os.getpid()
    record.info["used"] = time.monotonic()


def _store_time(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _ping(dialect: Any, connection: Any, record: Any, proxy: Any) -> None:
    if record.info["process"] != os.getpid():
        # After a fork the socket belongs to the parent: this process must not use or close it.
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError("the connection belongs to the parent process")
    idle = time.monotonic() - record.info["used"]
    if idle < TRUSTED_S and not _has_unread(connection):
        return
    try:
        alive = dialect.do_ping(connection)
    except psycopg2.Error as error:
        raise DisconnectionError("the server went away while the connection was idle") from error
    if not alive:
        raise DisconnectionError("the server went away while the connection was idle")


def _has_unread(connection: Any) -> bool:
    """Return whether the server sent something while idle, as it does when it ends."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
