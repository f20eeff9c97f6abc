"""Database addresses, and pools of connections to them."""

from contextlib import suppress
from typing import Any, Protocol

import psycopg
from psycopg import Connection, pq
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool

from pedigree import tracing
from pedigree._stored_json import from_stored_json
from pedigree.errors import InvalidInputError
from pedigree.postgres._asking_connection import AskingConnection, AskingCursor
from pedigree.postgres._traced import TracedCursor
from pedigree.postgres.embedded import EmbeddedPostgres
from pedigree.settings import redact_url

# Defaults for the user's URL. They detect a dead peer after half a minute instead of two hours.
_NETWORK_DEFAULTS = {
    "application_name": "pedigree",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}
_PREPARE_AFTER = 5
# For statements outside of transactions, which set it themselves: a read does not wait longer for a
# table that another client has locked.
_LIMITS = "-c lock_timeout=10s"
# What poolers say that pass on no options. Reads through them wait as long as the pooler allows.
_WITHOUT_OPTIONS = ("unsupported startup parameter", "support command-line options")


class DatabaseSource(Protocol):
    """The address of a database."""

    @property
    def server(self) -> EmbeddedPostgres | None:
        """The embedded server; None for a server at a URL."""

    @property
    def shown(self) -> str:
        """The URL without secrets."""

    @property
    def remedy(self) -> str:
        """What to do if the server does not answer."""

    def options(self) -> dict[str, Any]:
        """Return the arguments for `psycopg.connect`; start the server if it is embedded.

        Raises:
            EmbeddedPostgresError: The embedded server cannot be started.
        """


class NamedSource:
    """A database at a URL."""

    server = None
    remedy = "Check PEDIGREE_DATABASE_URL, and that the server runs and accepts the connection"

    def __init__(self, url: str) -> None:
        scheme, separator, rest = url.partition("://")
        plain = f"postgresql://{rest}"
        if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
            raise _not_a_url(url)
        try:
            self._given = conninfo_to_dict(plain)
        except psycopg.ProgrammingError:
            # "from None": the driver's message quotes the URL with its password
            raise _not_a_url(url) from None
        # several hosts have several ports, which libpq does not validate before it connects
        if not all(port.isdigit() for port in str(self._given.get("port", "0")).split(",") if port):
            raise _not_a_url(url)
        self.shown = redact_url(plain)

    def options(self) -> dict[str, Any]:
        """Return the URL's options, and defaults for the others."""
        return _NETWORK_DEFAULTS | self._given


class EmbeddedSource:
    """A database of the embedded server."""

    remedy = "See `pedigree status`"

    def __init__(
        self, server: EmbeddedPostgres, database: str, *, as_application: bool = False
    ) -> None:
        self.server = server
        self.name = database
        self._as_application = as_application

    @property
    def shown(self) -> str:
        """The database and the server's folder, in place of a URL."""
        return f"{self.name} in {self.server.folder}"

    def options(self) -> dict[str, Any]:
        """Start or restart the server, and return the arguments for `psycopg.connect`."""
        url_of = self.server.application_url if self._as_application else self.server.url
        given = conninfo_to_dict(url_of(self.name))
        return {"application_name": "pedigree"} | given


def has_own_session(connection: pq.abc.PGconn) -> bool:
    """Return whether all that a connection sends reaches one session of the server.

    Only then can statements be prepared. A pooler in transaction mode, such as PgBouncer, gives
    each transaction another session, which may lack them. When a client connects, a pooler does not
    know which process will serve it, and announces a number of its own.

    Args:
        connection: An open connection without a transaction.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    try:
        answered = connection.exec_(b"SELECT pg_backend_pid()")
    except MemoryError as error:  # libpq has no result, which psycopg takes for a lack of memory
        raise psycopg.OperationalError(connection.get_error_message()) from error
    return answered.get_value(0, 0) == b"%d" % connection.backend_pid


def open_pool(
    source: DatabaseSource, *, connections: int, checkout_s: float
) -> ConnectionPool[AskingConnection]:
    """Open a pool on a first connection, whose error says why the pool would fail.

    Raises:
        psycopg.OperationalError: The server cannot be reached.
        EmbeddedPostgresError: The embedded server cannot be started.
    """
    options = source.options() | {
        "autocommit": True,
        "row_factory": dict_row,
        "cursor_factory": TracedCursor if tracing.is_on() else AskingCursor,
    }
    accepted, first = _first(options)
    pool = ConnectionPool(
        kwargs=accepted,
        connection_class=_starting_with(first),
        min_size=1,
        max_size=connections,
        timeout=checkout_s,
        num_workers=1,
        configure=_configure,
        open=True,
    )
    # Otherwise the pool opens a second one for the first caller.
    try:
        pool.wait(checkout_s)
    except BaseException:
        pool.close()  # ends its threads
        raise
    return pool


def _first(options: dict[str, Any]) -> tuple[dict[str, Any], AskingConnection]:
    """Connect, and return the options with limits if the server or pooler accepts them."""
    limited = options | {"options": f"{_LIMITS} {options.get('options', '')}".strip()}
    try:
        return limited, _connect(limited)
    except psycopg.OperationalError as error:
        if not any(text in str(error) for text in _WITHOUT_OPTIONS):
            raise
        return options, _connect(options)


def _connect(options: dict[str, Any]) -> AskingConnection:
    return AskingConnection.connect(**options)


def _starting_with(first: AskingConnection) -> type[AskingConnection]:
    """Return a class of connections whose first one is already open: to open one takes a while."""
    waiting = [first]

    class FirstOpen(AskingConnection):
        @classmethod
        def connect(cls, conninfo: str = "", **options: Any) -> Any:
            # Of two workers of the pool that ask at once, one takes it.
            with suppress(IndexError):
                return waiting.pop()
            return AskingConnection.connect(conninfo, **options)

    return FirstOpen


def _configure(connection: Connection[DictRow]) -> None:
    # A version has four JSON values; pydantic parses them three times as fast as the json module.
    set_json_loads(from_stored_json, connection)
    connection.prepare_threshold = _PREPARE_AFTER if has_own_session(connection.pgconn) else None


def _not_a_url(url: str) -> InvalidInputError:
    return InvalidInputError(
        "is not a Postgres URL",
        field="PEDIGREE_DATABASE_URL",
        value=redact_url(url) if "://" in url else f"{len(url)} characters without ://",
        remedy="Write it as postgresql://user:password@host:5432/database",
    )
