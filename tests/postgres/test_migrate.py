"""Migrations: applied once, recorded, and never changed."""

import subprocess
import sys
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pedigree.errors import (
    DatabaseUnavailableError,
    MigrationChangedError,
    MigrationFailedError,
    SchemaBehindError,
)
from pedigree.postgres import Database
from pedigree.postgres import migrate as module
from pedigree.postgres.migrate import (
    FILE_NAME,
    Migration,
    all_migrations,
    migrate,
    pending,
    require_current,
)

NAMES = tuple(migration.name for migration in all_migrations())


@pytest.fixture
def empty_url(make_database_url):
    """The URL of a database without schema."""
    return make_database_url(template=None)


@pytest.fixture
def empty(empty_url):
    """A database without schema."""
    with Database.connect(empty_url) as database:
        yield database


@pytest.fixture
def add_migration(monkeypatch):
    """Add a migration after the last one of the code."""

    def add(text: str, name: str = "extra") -> Migration:
        number = all_migrations()[-1].number + 1
        migration = Migration(number=number, name=f"{number:04}_{name}", text=text)
        known = (*all_migrations(), migration)
        monkeypatch.setattr(module, "all_migrations", lambda: known)
        return migration

    return add


def test_files_are_numbered_without_gaps():
    numbers = [migration.number for migration in all_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    for name in NAMES:
        assert FILE_NAME.fullmatch(f"{name}.sql"), name


def test_an_empty_database_is_migrated_once(empty):
    assert pending(empty) == NAMES
    with pytest.raises(SchemaBehindError, match="Run `pedigree migrate`"):
        require_current(empty)

    assert migrate(empty) == NAMES
    assert migrate(empty) == ()
    assert pending(empty) == ()
    require_current(empty)

    rows = empty.fetch_all("SELECT number, name, checksum FROM pedigree.migration ORDER BY number")
    assert [row["name"] for row in rows] == list(NAMES)
    assert [row["checksum"] for row in rows] == [each.checksum for each in all_migrations()]


def test_a_current_schema_needs_no_locks(database):
    def read_only(connection):
        connection.execute("LOCK TABLE pedigree.migration IN EXCLUSIVE MODE")
        require_current(database)

    database.transaction(read_only)


def test_a_changed_file_is_refused(database):
    database.transaction(
        lambda connection: connection.execute(
            "UPDATE pedigree.migration SET checksum = 'other' WHERE number = 2"
        )
    )
    for act in (migrate, pending, require_current):
        with pytest.raises(MigrationChangedError, match="0002_catalog was applied on 2"):
            act(database)


def test_a_schema_newer_than_the_code_is_refused(database):
    database.transaction(
        lambda connection: connection.execute(
            "INSERT INTO pedigree.migration (number, name, checksum) VALUES (9000, '9000_x', 'x')"
        )
    )
    for act in (migrate, pending, require_current):
        with pytest.raises(SchemaBehindError, match=r"newer.*9000_x.*Upgrade Pedigree"):
            act(database)


def test_only_the_missing_migration_is_applied(database, add_migration):
    extra = add_migration("CREATE TABLE pedigree.extra (n integer)")
    with pytest.raises(SchemaBehindError, match=extra.name):
        require_current(database)
    assert migrate(database) == (extra.name,)


def test_a_failed_migration_is_rolled_back(database, add_migration):
    add_migration("CREATE TABLE pedigree.half (n integer); SELECT * FROM no_such_table")
    with pytest.raises(MigrationFailedError, match=r"_extra failed .*no_such_table"):
        migrate(database)
    assert database.fetch_all("SELECT to_regclass('pedigree.half') AS half") == [{"half": None}]
    assert len(pending(database)) == 1


def test_a_migration_does_not_wait_long_for_a_locked_table(
    database, database_url, add_migration, monkeypatch
):
    add_migration("ALTER TABLE pedigree.model_version ADD extra integer")
    limits = {**module._QUERIES, "limit_migration": "SET LOCAL lock_timeout = '100ms'"}
    monkeypatch.setattr(module, "_QUERIES", limits)
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT count(*) FROM pedigree.model_version")
        with pytest.raises(DatabaseUnavailableError, match="lock timeout"):
            migrate(database)
    migrate(database)


def test_a_missing_create_permission_is_in_the_error(empty, empty_url):
    name = f"guest_{uuid4().hex}"
    empty.transaction(
        lambda connection: connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'guest'")
    )
    options = conninfo_to_dict(empty_url)
    url = empty_url.replace(f"{options['user']}:{options['password']}@", f"{name}:guest@")
    with Database.connect(url) as guest:
        with pytest.raises(MigrationFailedError, match="permission denied"):
            migrate(guest)
        empty.transaction(lambda connection: connection.execute("CREATE SCHEMA pedigree"))
        with pytest.raises(MigrationFailedError, match="permission denied"):
            pending(guest)
    empty.transaction(lambda connection: connection.execute(f"DROP ROLE {name}"))


def test_eight_concurrent_processes_apply_each_migration_once(empty_url):
    code = (
        "import sys; from pedigree.postgres import Database;"
        "from pedigree.postgres.migrate import migrate;"
        "print(*migrate(Database.connect(sys.argv[1])), flush=True)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, empty_url], stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    applied = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert sorted(name for names in applied for name in names) == list(NAMES)
