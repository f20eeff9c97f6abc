"""What the failures of a database mean: lost, overloaded, or worth another try."""

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
_GIVEN_UP = (
    "55P03",  # the lock was not free in time
    "57014",  # the statement took too long
    "40001",  # serialization failure, again and again
    "40P01",  # deadlock, again and again
    "53300",  # too many connections
)
# A refused connection has no code, only a text; a server that speaks another language is asked for
# the full time.
_HOPELESS = ("authentication failed", "does not exist", "pg_hba.conf")


def may_succeed_later(error: psycopg.OperationalError) -> bool:
    """Say whether the same work is worth another try."""
    if any(text in str(error) for text in _HOPELESS):
        return False
    return is_loss(error) or error.sqlstate in _RETRIED


def is_load(error: psycopg.Error) -> bool:
    """Say whether load kept it from being done; then nothing of it was."""
    return isinstance(error, PoolTimeout) or error.sqlstate in _GIVEN_UP


def is_loss(error: psycopg.Error) -> bool:
    """Say whether the connection is gone; a connection that could not be made has no code."""
    if isinstance(error, PoolTimeout):
        return False
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P"))
