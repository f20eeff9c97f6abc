"""Classification of database errors: connection lost, overloaded, or worth a retry."""

import psycopg
from psycopg_pool import PoolTimeout

FAILURES = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
"""Errors of the server, and not of the statement; a standby answers with the second."""

_RETRIED = (
    "40001",  # serialization failure
    "40P01",  # deadlock
    "53300",  # too many connections
    "57P01",  # the server shuts down
    "57P02",  # the server crashed
    "57P03",  # the server starts, recovers or stops
    "57P05",  # idle session timeout
)
_OVERLOADED = (
    "55P03",  # lock timeout
    "57014",  # statement timeout
    "40001",  # serialization failure, after all retries
    "40P01",  # deadlock, after all retries
    "53300",  # too many connections
)
# A standby, or a primary that a failover demoted; a new connection may reach the new primary.
_READ_ONLY = "25006"
# Of a server or a pooler that has no room; such a refusal has no SQLSTATE either.
_CROWDED = (
    *("too many clients", "too many connections", "connection slots are reserved"),
    "no more connections allowed",
)
# A refused connection has no SQLSTATE, only a text; a server with messages in another language is
# retried until the deadline.
_PERMANENT = ("authentication failed", "does not exist", "pg_hba.conf")


def may_succeed_later(error: psycopg.Error) -> bool:
    """Return whether a retry may succeed."""
    if any(text in str(error) for text in _PERMANENT):
        return False
    return is_loss(error) or error.sqlstate in _RETRIED


def is_load(error: psycopg.Error) -> bool:
    """Return whether the error is due to load; then nothing was done."""
    if isinstance(error, PoolTimeout) or error.sqlstate in _OVERLOADED:
        return True
    return error.sqlstate is None and any(text in str(error) for text in _CROWDED)


def is_loss(error: psycopg.Error) -> bool:
    """Return whether the connection is lost or useless; a failed attempt has no SQLSTATE."""
    if isinstance(error, PoolTimeout):
        return False
    state = error.sqlstate
    return state is None or state == _READ_ONLY or state.startswith(("08", "57P"))
