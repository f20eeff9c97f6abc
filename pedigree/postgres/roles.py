"""The roles of the database: what the owner's and the application's may do (roles.sql).

They are optional. With one role for everything, which owns the tables, the registry works as well,
but its process could change what only the owner should (docs/database.md).
"""

import hashlib
from functools import cache
from importlib.resources import files
from typing import LiteralString

from pedigree.postgres.asker import DatabaseRole
from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_QUERIES = load_queries(__package__)


@cache
def roles_text() -> LiteralString:
    """Return the commands that make the roles what they should be."""
    # The text comes from this package, so it is as safe as a literal in the source.
    return files(__package__).joinpath("roles.sql").read_text(encoding="utf-8")


def roles_script() -> str:
    """Return the commands for a database whose roles somebody else manages, as one transaction."""
    record = f"SELECT pedigree.note_roles('{roles_checksum()}');"
    return f"BEGIN;\n\n{roles_text()}\n{record}\n\nCOMMIT;\n"


def roles_checksum() -> str:
    """Return the sha256 of the commands, in hexadecimal."""
    return hashlib.sha256(roles_text().encode()).hexdigest()


def apply_roles(transaction: Transaction) -> None:
    """Make the roles what they should be.

    Raises:
        psycopg.Error: The role does not own the schema, or a role is missing and it may not create
            roles.
    """
    transaction.execute(roles_text())
    transaction.execute(_QUERIES["note_roles"], {"checksum": roles_checksum()})


def applied_checksum(transaction: Transaction) -> str | None:
    """Return the checksum of the commands that were last applied; None if none ever were."""
    if transaction.execute(_QUERIES["knows_roles"]).fetchone() != {"found": True}:
        return None  # the schema is older
    rows = transaction.execute(_QUERIES["applied_roles"]).fetchall()
    return rows[0]["checksum"] if rows else None


def is_fenced(database: Database) -> bool:
    """Return whether the role of the connections is the application's, and not the owner's.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    return database.fetch_all(_QUERIES["is_fenced"]) == [{"fenced": True}]


def may_act_as(database: Database, role: DatabaseRole) -> bool:
    """Return whether the role of the connections can act in another one, and is not the owner.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    values = {"role": role.value}
    return database.fetch_all(_QUERIES["may_act_as"], values) == [{"may": True}]


def has_current_roles(database: Database) -> bool:
    """Return whether the connections are fenced, by the roles of this code.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    return is_fenced(database) and database.read(applied_checksum) == roles_checksum()
