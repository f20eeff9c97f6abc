"""Classification of database errors: connection lost, overloaded, or worth a retry."""

import psycopg
from psycopg_pool import PoolTimeout

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
# A refused connection has no SQLSTATE, only a text; a server with messages in another language is
# retried until the deadline.
_PERMANENT = ("authentication failed", "does not exist", "pg_hba.conf")


def may_succeed_later(error: psycopg.OperationalError) -> bool:
    """Return whether a retry may succeed."""
    if any(text in str(error) for text in _PERMANENT):
        return False
    return is_loss(error) or error.sqlstate in _RETRIED


def is_load(error: psycopg.Error) -> bool:
    """Return whether the error is due to load; then nothing was done."""
    return isinstance(error, PoolTimeout) or error.sqlstate in _OVERLOADED


def is_loss(error: psycopg.Error) -> bool:
    """Return whether the connection is lost; a failed connection attempt has no SQLSTATE."""
    if isinstance(error, PoolTimeout):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P"))
