"""Databases that are used in the application's role.

With ``TEST_BEHIND_FENCE=1`` all tests that take a database do so, as `make test-fence` runs some.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, NamedTuple
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pedigree.postgres import Database
from pedigree.postgres.migrate import migrate

if TYPE_CHECKING:
    from pedigree.registry import Registry

FENCE = "TEST_BEHIND_FENCE"
LOGIN = "fence_tester"
OWNER = "fence_owner"
ADMIN = "fence_admin"
PASSWORD = "behind"  # of the tests' server
TEMPLATE = "pedigree_fenced"
LOCK = 516


class Fenced(NamedTuple):
    """A database that is used in the application's role.

    Attributes:
        url: Its URL for a member of the application's role.
        owner_url: Its URL for the owner, not a superuser.
        admin_url: Its URL for a superuser.
        home: The home folder of its registry.
    """

    url: str
    owner_url: str
    admin_url: str
    home: Path

    @property
    def database(self) -> Database:
        """The database as the application reaches it; the caller closes it."""
        return Database.connect(self.url)

    def registry(self) -> "Registry":
        """Return the registry of an application."""
        # Not above: a subject's tests shall run also while another subject does not import.
        from pedigree.artifacts.objects import open_store
        from pedigree.registry import Registry
        from pedigree.settings import Settings

        settings = Settings(home=self.home, actor="tester")
        return Registry(self.database, open_store(None, self.home), settings)


def is_fenced() -> bool:
    """Whether all tests reach their databases in the application's role."""
    return FENCE in os.environ


def edit_rows(database: Database, statement: LiteralString, values: Sequence[object] = ()) -> None:
    """Run a statement that only the owner may, also if the tests' own role is not the owner.

    Args:
        database: The database at a URL.
        statement: The statement.
        values: Its parameters.
    """
    options = database.source.options()
    if is_fenced():
        options |= {"user": ADMIN, "password": PASSWORD}
    with psycopg.connect(**options) as connection:
        connection.execute(statement, values)


def make_login(connection: psycopg.Connection) -> None:
    """Make a user who is a member of the application's role, and one who is a superuser."""
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE pedigree_application").format(
            sql.Identifier(LOGIN), sql.Literal(PASSWORD)
        )
    )
    connection.execute(
        sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(
            sql.Identifier(ADMIN), sql.Literal(PASSWORD)
        )
    )


def as_user(url: str, user: str = LOGIN) -> str:
    """Return the URL of a database for another user of the tests' server."""
    given = conninfo_to_dict(url)
    host = quote(str(given["host"]), safe="")
    return f"postgresql://{user}:{PASSWORD}@/{given['dbname']}?host={host}&port={given['port']}"


def make_template(url: str) -> None:
    """Make the template of fenced databases, unless the server has it.

    Its owner is an ordinary role that may create roles, as on a server that somebody else manages.

    Args:
        url: The URL of the server's database ``postgres``.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        query = "SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate"
        if connection.execute(query, [TEMPLATE]).fetchone():
            return
        name, owner = sql.Identifier(TEMPLATE), sql.Identifier(OWNER)
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                owner, sql.Literal(PASSWORD)
            )
        )
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        with Database.connect(as_user(url.replace("@/postgres?", f"@/{TEMPLATE}?"), OWNER)) as made:
            migrate(made, roles=True)
        if not is_fenced():
            make_login(connection)
        connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(name))
