"""The connections of Dagster's storage: pooled, tested before use, not shared across a fork."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg2  # type: ignore[import-untyped]  # it ships no types
import sqlalchemy
from dagster_postgres.utils import create_pg_engine
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError


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


def _ping(dialect: Any, connection: Any, record: Any, proxy: Any) -> None:
    if record.info["process"] != os.getpid():
        # After a fork the socket belongs to the parent: this process must not use or close it.
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError("the connection belongs to the parent process")
    try:
        alive = dialect.do_ping(connection)
    except psycopg2.Error as error:
        raise DisconnectionError("the server went away while the connection was idle") from error
    if not alive:
        raise DisconnectionError("the server went away while the connection was idle")
