"""The role of the embedded server in which everything but migrations connects.

The role that creates the server cannot give up its rights of a superuser. So the application gets
one of its own.
"""

import secrets
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from pedigree.postgres._layout import Layout, replace_text

APPLICATION = "pedigree_application"
# Serializes the processes that make the role, or give it a database.
_LOCK = 0x9ED16EF


def application_url(as_owner: str, layout: Layout, *, owns: bool) -> str:
    """Return a URL with the application's role in place of the owner's; make the role if needed.

    Args:
        as_owner: The URL of an existing database for the owner.
        layout: The files of the server, which is running.
        owns: Whether the role owns the database and its tables.
    """
    url = _known(as_owner, layout)
    if url is None or not _is_accepted(url, owns=owns):
        with psycopg.connect(as_owner, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            _make_role(connection, layout)
            if owns:
                _give_database(connection)
        url = _known(as_owner, layout)
    assert url is not None
    return url


def _known(as_owner: str, layout: Layout) -> str | None:
    try:
        password = layout.application_password.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    parts = urlsplit(as_owner)
    _, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{APPLICATION}:{quote(password, safe='')}{at}{host}"))


def _is_accepted(url: str, *, owns: bool) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            row = connection.execute(
                "SELECT datdba = to_regrole(current_user)::oid FROM pg_database"
                " WHERE datname = current_database()"
            ).fetchone()
    except psycopg.OperationalError:
        return False  # no such role, or another password
    return not owns or row == (True,)


def _make_role(connection: psycopg.Connection, layout: Layout) -> None:
    if not layout.application_password.exists():
        replace_text(layout.application_password, secrets.token_urlsafe(24))
    password = layout.application_password.read_text(encoding="utf-8")
    role = sql.Identifier(APPLICATION)
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone()
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOINHERIT").format(role))
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password))
    )


def _give_database(connection: psycopg.Connection) -> None:
    """Make the role the owner of the database and of the tables that an earlier release made."""
    role = sql.Identifier(APPLICATION)
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
    # A sequence of a column follows its table.
    tables = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')"
        " AND c.relowner <> to_regrole(%s)::oid",
        [APPLICATION],
    ).fetchall()
    for schema, table in tables:
        connection.execute(
            sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(schema, table), role)
        )
