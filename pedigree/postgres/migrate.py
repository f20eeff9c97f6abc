"""Migrations of the schema: numbered files, each applied once, in order, in its own transaction.

A migration is safe for the code of the previous one, because both run during a rolling deployment.
An applied file never changes; a mistake is fixed by a later migration.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow

from pedigree.errors import MigrationChangedError, MigrationFailedError, SchemaBehindError
from pedigree.postgres._sources import EmbeddedSource
from pedigree.postgres.database import Database
from pedigree.postgres.queries import load_queries
from pedigree.postgres.roles import (
    applied_checksum,
    apply_roles,
    has_current_roles,
    roles_checksum,
)

_QUERIES = load_queries(__package__)
FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, kw_only=True)
class Migration:
    """A file of `migrations/`."""

    number: int
    name: str
    text: LiteralString

    @property
    def checksum(self) -> str:
        """The sha256 of the file, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrate(
    database: Database, *, begin: Callable[[], object] = lambda: None, roles: bool = False
) -> tuple[str, ...]:
    """Apply the migrations that the schema lacks, and return their names.

    Afterward the database's roles are made what they should be, if they were before.

    Several processes can migrate concurrently: each migration holds an advisory lock for its
    transaction (not for the session, which a pooler in transaction mode would not keep).

    Args:
        database: The database.
        begin: Called before the first migration of an empty database, possibly several times; what
            it raises leaves the database empty.
        roles: Make the roles also if the database had none.

    Raises:
        MigrationFailedError: A statement failed; that migration was rolled back.
        MigrationChangedError: An applied migration differs from the file in this code.
        SchemaBehindError: The schema is newer than this code.
        DatabaseUnavailableError: The server does not answer, or a lock was not free in time.
    """
    done = []
    with _migration_errors("the migrations cannot be applied"):
        while (name := database.transaction(partial(_apply_next, begin))) is not None:
            done.append(name)
    with _migration_errors("the roles of the database cannot be made"):
        database.transaction(partial(_renew_roles, wanted=roles, is_new=bool(done)))
    return tuple(done)


def migrate_embedded(
    database: Database, *, begin: Callable[[], object] = lambda: None
) -> tuple[str, ...]:
    """Apply what the embedded server lacks, as its owner, and return the names of the migrations.

    Args:
        database: The database of the embedded server, in the application's role.
        begin: As for :func:`migrate`.

    Raises:
        MigrationFailedError: As :func:`migrate`, as also the others.
        MigrationChangedError: An applied migration differs from the file in this code.
        SchemaBehindError: The schema is newer than this code.
        DatabaseUnavailableError: The server does not answer, or a lock was not free in time.
    """
    source = database.source
    if not isinstance(source, EmbeddedSource):
        raise ValueError("the database is not embedded")
    if has_current_roles(database) and not pending(database):
        return ()
    with Database.embedded(source.server, source.name) as owned:
        return migrate(owned, begin=begin, roles=True)


def pending(database: Database) -> tuple[str, ...]:
    """Return the names of the migrations that this database lacks.

    Raises:
        MigrationChangedError: An applied migration differs from the file in this code.
        SchemaBehindError: The schema is newer than this code.
        MigrationFailedError: The role may not read the table of migrations.
        DatabaseUnavailableError: The server does not answer.
    """
    return tuple(migration.name for migration in _missing(_applied(database)))


def unapplied(database: Database) -> tuple[str, ...]:
    """Return the names of this code's migrations that a database lacks.

    A newer schema lacks none: during a rolling deployment, the previous code still runs on it.

    Raises:
        MigrationFailedError: The role may not read the table of migrations.
        DatabaseUnavailableError: The server does not answer.
    """
    applied = _applied(database)
    return tuple(item.name for item in all_migrations() if item.number not in applied)


class SchemaState(NamedTuple):
    """How a schema compares with this code.

    Attributes:
        newest: The newest migration that was applied; None in an empty database.
        applied_at: When that was.
        lacking: The migrations of this code that were not applied.
        unknown: The migrations that were applied and that this code does not have.
    """

    newest: str | None
    applied_at: datetime | None
    lacking: tuple[str, ...]
    unknown: tuple[str, ...]


def schema_state(database: Database) -> SchemaState:
    """Return how the schema of a database compares with this code.

    Raises:
        MigrationFailedError: The role may not read the table of migrations.
        DatabaseUnavailableError: The server does not answer.
    """
    applied, known = _applied(database), all_migrations()
    numbers = {each.number for each in known}
    newest = applied[max(applied)] if applied else None
    return SchemaState(
        newest["name"] if newest else None,
        newest["applied_at"] if newest else None,
        tuple(each.name for each in known if each.number not in applied),
        tuple(row["name"] for number, row in sorted(applied.items()) if number not in numbers),
    )


def require_current(database: Database) -> None:
    """Check that the schema is the one that this code needs.

    Raises:
        SchemaBehindError: The schema lacks migrations, or is newer than the code.
        MigrationChangedError: An applied migration differs from the file in this code.
        DatabaseUnavailableError: The server does not answer.
    """
    missing = pending(database)
    if missing:
        raise SchemaBehindError(
            f"the schema of {database.url_shown} lacks {', '.join(missing)}",
            remedy="Run `pedigree migrate`",
        )


@cache
def all_migrations() -> tuple[Migration, ...]:
    """Return this code's migrations in order."""
    folder = files(__package__).joinpath("migrations")
    entries = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        Migration(
            number=int(name[:4]),
            name=name.removesuffix(".sql"),
            text=folder.joinpath(name).read_text(encoding="utf-8"),
        )
        for name in entries
    )


def _applied(database: Database) -> Mapping[int, DictRow]:
    with _migration_errors("the table of applied migrations cannot be read"):
        exists = database.fetch_all(_QUERIES["migration_table_exists"])[0]["found"]
        return _by_number(database.fetch_all(_QUERIES["applied_migrations"]) if exists else [])


def _apply_next(begin: Callable[[], object], connection: Connection[DictRow]) -> str | None:
    connection.execute(_QUERIES["wait_for_other_migrators"])
    connection.execute(_QUERIES["create_migration_table"])
    rows = connection.execute(_QUERIES["applied_migrations"]).fetchall()
    missing = _missing(_by_number(rows))
    if not missing:
        return None
    if not rows:
        begin()
    _apply(connection, missing[0])
    return missing[0].name


def _renew_roles(connection: Connection[DictRow], *, wanted: bool, is_new: bool) -> None:
    applied = applied_checksum(connection)
    if applied is None and not wanted:
        return
    if is_new or applied != roles_checksum():
        connection.execute(_QUERIES["wait_for_other_migrators"])
        connection.execute(_QUERIES["limit_migration"])
        apply_roles(connection)


def _apply(connection: Connection[DictRow], migration: Migration) -> None:
    connection.execute(_QUERIES["limit_migration"])
    with _migration_errors(f"the migration {migration.name} failed and was rolled back"):
        connection.execute(migration.text)
    connection.execute(
        _QUERIES["record_migration"],
        {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
    )


@contextmanager
def _migration_errors(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError:
        raise  # the connection was lost or a lock was not free: Database retries
    except psycopg.Error as error:
        raise MigrationFailedError(
            f"{what}: {error.diag.message_primary or error}",
            remedy="Fix the cause and run `pedigree migrate` again",
        ) from error


def _missing(applied: Mapping[int, DictRow]) -> tuple[Migration, ...]:
    known = {migration.number: migration for migration in all_migrations()}
    newer = [row["name"] for number, row in applied.items() if number not in known]
    if newer:
        raise SchemaBehindError(
            f"the schema is newer than this code: it has {', '.join(newer)}",
            remedy="Upgrade Pedigree",
        )
    for number, row in applied.items():
        if row["checksum"] != known[number].checksum:
            raise MigrationChangedError(
                f"the migration {row['name']} was applied on {row['applied_at']:%Y-%m-%d} with a "
                "different text than the file in this code",
                remedy="Restore the file and write a new migration",
            )
    return tuple(migration for number, migration in known.items() if number not in applied)


def _by_number(rows: list[DictRow]) -> dict[int, DictRow]:
    return {row["number"]: row for row in rows}
