import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import sqlalchemy

from pedigree.dagster.instance.storage import PedigreeStorage, in_schema, open_storage
from pedigree.errors import DatabaseUnavailableError, InvalidInputError
from pedigree.postgres import EmbeddedPostgres
from pedigree.settings import Settings
from tests.dagster.conftest import STORAGE


@dg.asset
def one() -> int:
    return 1


def test_a_static_dagster_yaml_finds_the_storage_of_the_settings(
    instance: dg.DagsterInstance,
) -> None:
    assert dg.materialize([one], instance=instance).success
    assert isinstance(instance.run_storage, object)
    assert len(instance.fetch_materializations(one.key, limit=5).records) == 1


def test_the_storage_is_recreated_from_its_reference(instance: dg.DagsterInstance) -> None:
    dg.materialize([one], instance=instance)
    with dg.DagsterInstance.from_ref(instance.get_ref()) as other:
        assert other.get_latest_materialization_event(one.key)


def test_a_run_asks_the_schema_for_nothing_that_an_earlier_run_has_found(
    instance: dg.DagsterInstance,
) -> None:
    dg.materialize([one], instance=instance)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        statements.append(statement)

    engine = instance.event_log_storage._engine
    sqlalchemy.event.listen(engine, "before_cursor_execute", note)
    try:
        dg.materialize([one], instance=instance)
    finally:
        sqlalchemy.event.remove(engine, "before_cursor_execute", note)
    assert len(statements) > 20
    assert [statement for statement in statements if "pg_catalog" in statement] == []


def test_a_connection_that_the_server_has_just_closed_is_replaced(
    instance: dg.DagsterInstance, dagster_url: str
) -> None:
    assert instance.get_runs() == []
    with psycopg.connect(dagster_url) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert (True,) in ended
    assert instance.fetch_materializations(one.key, limit=1).records == []


def test_dagster_has_its_own_schema_in_the_database_of_the_registry(
    make_database_url: Callable[..., str],
) -> None:
    url = make_database_url(None)
    open_storage(Settings(database_url=url))
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname FROM pg_tables WHERE tablename = 'event_logs'"
        ).fetchall()
    assert tables == [("dagster",)]


def test_a_schema_keeps_the_options_of_the_url() -> None:
    url = in_schema("postgresql://db/x?options=-cgeqo%3Doff", "dagster")
    assert url == "postgresql://db/x?options=-cgeqo%3Doff%20-csearch_path%3Ddagster"


def test_a_url_that_is_not_for_postgres_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidInputError, match="mysql://ann:\\*\\*\\*@db") as error:
        PedigreeStorage("mysql://ann:secret@db/x")
    assert "secret" not in str(error.value)


def test_a_server_that_does_not_answer_raises_a_typed_error() -> None:
    with pytest.raises(DatabaseUnavailableError):
        open_storage(Settings(database_url="postgresql://nobody@127.0.0.1:1/x"))


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedPostgres:
    monkeypatch.setenv("PEDIGREE_HOME", str(tmp_path / "home"))
    # With durable settings: the server is killed, and must not lose committed data.
    server = EmbeddedPostgres(tmp_path / "home")
    server.ensure()
    return server


@pytest.fixture
def embedded_instance(embedded: EmbeddedPostgres, tmp_path: Path):
    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"storage": STORAGE, "telemetry": {"enabled": False}}
    ) as instance:
        yield instance
    embedded.stop()


@pytest.mark.system
@pytest.mark.parametrize("victim", ["pid", "supervisor_pid"])
def test_a_run_continues_after_the_embedded_server_is_killed(
    embedded: EmbeddedPostgres, embedded_instance: dg.DagsterInstance, victim: str
) -> None:
    @dg.asset
    def first() -> int:
        os.kill(getattr(embedded.status(), victim), signal.SIGKILL)
        return 1

    @dg.asset
    def second(first: int) -> int:
        return first + 1

    result = dg.materialize([first, second], instance=embedded_instance)
    assert result.success
    assert embedded_instance.get_run_by_id(result.run_id).is_success
    assert embedded_instance.get_latest_materialization_event(second.key)


@pytest.mark.system
def test_idle_connections_of_the_webserver_are_tested_before_use(
    embedded: EmbeddedPostgres, embedded_instance: dg.DagsterInstance
) -> None:
    embedded_instance.optimize_for_webserver(
        statement_timeout=5000, pool_recycle=3600, max_overflow=5
    )
    assert embedded_instance.get_runs() == []
    os.kill(embedded.status().pid, signal.SIGKILL)
    assert embedded_instance.get_runs() == []
    assert embedded_instance.fetch_materializations(one.key, limit=1).records == []


def test_a_forked_child_does_not_use_the_connection_of_its_parent(
    instance: dg.DagsterInstance,
) -> None:
    assert instance.get_runs() == []
    child = os.fork()
    if child == 0:
        # only the exit code may leave the child: it is a copy of the test run
        os._exit(0 if instance.get_runs() == [] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert instance.get_runs() == []


def test_concurrent_processes_create_the_tables_of_dagster_once(
    make_database_url: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    url = make_database_url(template=None)
    with ThreadPoolExecutor(8) as openers:
        storages = list(openers.map(PedigreeStorage, [url] * 8))
    assert [storage.run_storage.get_runs_count() for storage in storages] == [0] * 8
    # dagster-postgres logs a warning for each conflict, even if it retries.
    assert caplog.messages == []
    for storage in storages:
        storage.run_storage.dispose()
        storage.event_log_storage.dispose()
