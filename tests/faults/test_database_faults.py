"""A database that is locked, slow, crowded or read-only: a typed error, and nothing is lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from pedigree.artifacts.objects import open_store
from pedigree.errors import DatabaseBusyError, DatabaseUnavailableError
from pedigree.postgres import Database, EmbeddedPostgres, _one_transaction, _sources
from pedigree.postgres import database as module
from pedigree.postgres.migrate import migrate
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import free_policy, new_version, register
from tests.maintenance.collecting import require_sound

Verb = Callable[[Registry, Path], object]

READS: dict[str, Verb] = {
    "get": lambda registry, _: registry.get("churn/1"),
    "versions": lambda registry, _: registry.versions("churn"),
    "models": lambda registry, _: registry.models(),
    "search": lambda registry, _: registry.search("name = 'churn'"),
    "timeline": lambda registry, _: registry.timeline("churn"),
    "lineage": lambda registry, _: registry.lineage("churn/1"),
    "manifest": lambda registry, _: registry.manifest("churn/1"),
    "compare": lambda registry, _: registry.compare("churn/1", "churn/2"),
}
WRITES: dict[str, Verb] = {
    "register": lambda registry, folder: register(registry, folder, "third"),
    "register_files": lambda registry, _: registry.register_files(
        "churn", registry.manifest("churn/1").files, new_version(run_id="again")
    ),
    "promote": lambda registry, _: registry.promote("churn/2", "production"),
    "rollback": lambda registry, _: registry.rollback("served"),
    "delete": lambda registry, _: registry.delete("churn/2", reason="test"),
    "set_alias": lambda registry, _: registry.set_alias("churn", "best", 1),
    "update": lambda registry, _: registry.update("churn/1", tags={"a": "b"}),
    "delete_model": lambda registry, _: registry.delete_model("churn", reason="test"),
}


@pytest.fixture
def filled(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Registry]:
    """A registry of two models with two versions each, in a process whose limits are short."""
    monkeypatch.setattr(
        _one_transaction, "BEGIN", _one_transaction.BEGIN.replace("'10s'", "'50ms'")
    )
    monkeypatch.setattr(_sources, "_LIMITS", "-c lock_timeout=50ms")
    with Database.connect(database_url) as database:
        registry = Registry(database, open_store(None, home), Settings(home=home, actor="tester"))
        register(registry, tmp_path, "first")
        registry.set_policy("churn", free_policy())
        register(registry, tmp_path, "second")
        registry.set_policy("served", free_policy())
        for content in ("first", "second"):
            reference = register(registry, tmp_path / "served", content, "served")
            registry.promote(reference, "production")
        yield registry


@pytest.fixture
def holder(database_url: str) -> Iterator[psycopg.Connection]:
    """Another client, in a transaction that it does not end."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("verb", [*READS, *WRITES])
def test_tables_that_another_client_locks_are_a_typed_error(
    verb: str, filled: Registry, holder: psycopg.Connection, tmp_path: Path
) -> None:
    before = len(filled.events())
    holder.execute("LOCK TABLE pedigree.registered_model, pedigree.artifact")
    with pytest.raises(DatabaseBusyError, match="lock timeout"):
        (READS | WRITES)[verb](filled, tmp_path)
    holder.rollback()
    assert len(filled.events()) == before
    (READS | WRITES)[verb](filled, tmp_path)


@pytest.mark.parametrize("verb", WRITES)
def test_rows_that_another_client_locks_are_a_typed_error(
    verb: str, filled: Registry, holder: psycopg.Connection, tmp_path: Path
) -> None:
    before = len(filled.events())
    holder.execute("SELECT FROM pedigree.registered_model FOR UPDATE")
    with pytest.raises(DatabaseBusyError, match="lock timeout"):
        WRITES[verb](filled, tmp_path)
    for read in READS.values():
        read(filled, tmp_path)
    holder.rollback()
    assert len(filled.events()) == before
    WRITES[verb](filled, tmp_path)
    assert len(filled.events()) > before
    require_sound(filled)


def test_a_statement_that_takes_too_long_is_a_typed_error(
    filled: Registry, holder: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder.execute("SELECT FROM pedigree.registered_model FOR UPDATE")
    limits = _one_transaction.BEGIN.replace("'50ms'", "'10s'").replace("'60s'", "'50ms'")
    monkeypatch.setattr(_one_transaction, "BEGIN", limits)
    with pytest.raises(DatabaseBusyError, match="statement timeout"):
        filled.promote("churn/2", "production")
    holder.rollback()
    require_sound(filled)


def test_the_limit_of_reads_keeps_the_options_of_the_url(database_url: str) -> None:
    with Database.connect(f"{database_url}&options=-c%20work_mem%3D5MB") as database:
        shown = database.fetch_all("SHOW work_mem") + database.fetch_all("SHOW lock_timeout")
    assert [*shown[0].values(), *shown[1].values()] == ["5MB", "10s"]


def test_a_server_that_became_read_only_is_a_typed_error_until_there_is_a_primary(
    filled: Registry, holder: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.3)
    holder.autocommit = True
    role = "ALTER ROLE CURRENT_USER IN DATABASE {} SET default_transaction_read_only = {}"
    name = psycopg.sql.Identifier(holder.info.dbname)
    for state in ("on", "off"):
        holder.execute("SET default_transaction_read_only = off")
        holder.execute(psycopg.sql.SQL(role).format(name, psycopg.sql.SQL(state)))
        if state == "on":
            filled.database.close()
            with pytest.raises(DatabaseUnavailableError, match="read-only"):
                filled.promote("churn/2", "production")
    assert filled.promote("churn/2", "production").moved
    require_sound(filled)


def give_room(connections: list[psycopg.Connection]) -> None:
    for connection in connections:
        connection.close()


@pytest.mark.system
def test_a_server_without_free_connections_is_a_typed_error(
    home: Path, tmp_path: Path, fast_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**fast_settings, "max_connections": "8", "superuser_reserved_connections": "0"}
    settings |= {"max_wal_senders": "0", "reserved_connections": "0"}
    server = EmbeddedPostgres(tmp_path / "crowded", settings=settings)
    url = server.url("pedigree")
    with Database.connect(url, connections=1) as database:
        migrate(database)
    with ExitStack() as taken:
        registry = Registry(
            taken.enter_context(Database.connect(url, connections=2)),
            open_store(None, home),
            Settings(home=home, actor="tester"),
        )
        register(registry, tmp_path, "first")
        registry.database.close()
        connections = [taken.enter_context(psycopg.connect(url)) for _ in range(8)]
        monkeypatch.setattr(module, "RETRY_S", 0.3)
        with pytest.raises(DatabaseBusyError, match="too many clients"):
            register(registry, tmp_path, "second")
        monkeypatch.setattr(module, "RETRY_S", 10.0)
        threading.Timer(0.3, give_room, [connections]).start()
        register(registry, tmp_path, "second")  # it waits until there is room
        assert len(registry.versions("churn")) == 2
        require_sound(registry)
        registry.database.close()
    server.stop()
