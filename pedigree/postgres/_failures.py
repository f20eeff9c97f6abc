"""Classification of database errors: connection lost, overloaded, or worth a retry."""

import psycopg
from psycopg_pool import PoolTimeout

from pedigree.errors import InvalidInputError, PedigreeError, SchemaBehindError

# Errors of the server, and not of the statement; a standby answers with the second.
_FAILURES = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
# The function of Postgres that refuses a prepared statement whose columns have changed. The
# SQLSTATE has many other meanings, and the message depends on the server's language.
REFUSES_OLD_PLAN = "RevalidateCachedQuery"
# What the statements of this code name and the schema does not have.
_LACKING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
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
# Limits of Postgres that a value exceeds: of an index entry, a text search vector, the nesting.
_TOO_LARGE = "54"
# A refused connection has no SQLSTATE, only a text; a server with messages in another language is
# retried until the deadline.
_PERMANENT = ("authentication failed", "does not exist", "pg_hba.conf")


def input_error(error: Exception) -> InvalidInputError | None:
    """Return the error of a value that Postgres cannot store; None for any other reason."""
    if isinstance(error, UnicodeError) or (
        isinstance(error, psycopg.DataError) and error.sqlstate is None
    ):
        return InvalidInputError(
            "a text is not Unicode, or has a NUL character",
            remedy="Write it in UTF-8, without NUL",
        )
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return None
    reason = error.diag.message_primary or type(error).__name__
    if error.sqlstate.startswith(_TOO_LARGE):
        return InvalidInputError(
            f"a value is too long or nested too deep for the database: {reason}",
            remedy="Shorten it",
        )
    if isinstance(error, psycopg.DataError):
        return InvalidInputError(
            f"a value cannot be stored: {reason}",
            remedy="Leave out NUL characters, and numbers and times that are out of range",
        )
    return None


def schema_error(error: Exception) -> SchemaBehindError | None:
    """Return the error of a statement that names what the schema lacks; None for any other."""
    if not isinstance(error, _LACKING):
        return None
    return SchemaBehindError(
        f"the database lacks what this code needs: {error.diag.message_primary}",
        remedy="Run `pedigree migrate`; if it finds nothing to do, run `pedigree fsck`",
    )


def statement_error(error: Exception) -> PedigreeError | None:
    """Return the error of a statement that failed; None if it is no error of the database."""
    if not isinstance(error, psycopg.Error):
        return None
    if lacking := schema_error(error):
        return lacking
    reason = error.diag.message_primary or type(error).__name__
    return input_error(error) or PedigreeError(
        f"the database refused a statement: {reason}",
        remedy="Run `pedigree fsck`, and report what it finds",
    )


def is_failure(error: psycopg.Error) -> bool:
    """Return whether the error is due to the server or the session, and not to the statement."""
    return isinstance(error, _FAILURES) or _has_old_plan(error)


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
    if _has_old_plan(error):
        return True
    state = error.sqlstate
    return state is None or state == _READ_ONLY or state.startswith(("08", "57P"))


def _has_old_plan(error: psycopg.Error) -> bool:
    """Return whether a migration has changed the columns of a prepared statement."""
    return error.diag.source_function == REFUSES_OLD_PLAN
