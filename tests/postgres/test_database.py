"""Transactions with retries, and errors with remedies."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    InvalidInputError,
    ModelNotFoundError,
)
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres import database as module
from pedigree.postgres._asking_connection import AskingConnection
from tests.pooling import MISSING, PROGRAM, pooled

BACKEND = "SELECT pg_backend_pid() AS pid"


@pytest.fixture
def counter(database: Database) -> Database:
    """A database with a table `counter (id, n)` of two rows."""
    database.transaction(
        lambda connection: connection.execute(
            "CREATE TABLE counter (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0);"
            "INSERT INTO counter VALUES (1), (2)"
        )
    )
    return database


def _counts(database: Database) -> list[int]:
    return [row["n"] for row in database.fetch_all("SELECT n FROM counter ORDER BY id")]


def _add(connection: module.Connection, number: int) -> None:
    connection.execute("UPDATE counter SET n = n + 1 WHERE id = %(id)s", {"id": number})


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_transaction_commits_and_returns_the_result_of_the_work(counter, pipelined):
    assert counter.transaction(lambda c: _add(c, 1) or "done", pipelined=pipelined) == "done"
    assert _counts(counter) == [1, 0]


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_domain_error_rolls_back_and_passes_through(counter, pipelined):
    def work(connection):
        _add(connection, 1)
        raise ModelNotFoundError("no model has the name", field="name", value="x")

    with pytest.raises(ModelNotFoundError):
        counter.transaction(work, pipelined=pipelined)
    assert _counts(counter) == [0, 0]


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_unique_violation_passes_through_with_its_constraint(counter, pipelined):
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        counter.transaction(
            lambda c: c.execute("INSERT INTO counter VALUES (1)"), pipelined=pipelined
        )
    assert caught.value.diag.constraint_name == "counter_pkey"
    assert _counts(counter) == [0, 0]


def test_work_that_swallows_a_failed_statement_is_an_error(counter):
    def work(connection):
        _add(connection, 1)
        try:
            connection.execute("INSERT INTO counter VALUES (1)")
        except psycopg.errors.UniqueViolation:
            return

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        counter.transaction(work)
    assert _counts(counter) == [0, 0]


def test_in_a_pipeline_a_failed_statement_rolls_back_all_others(counter):
    def work(connection):
        _add(connection, 1)
        connection.execute("INSERT INTO counter VALUES (1)")
        _add(connection, 2)

    with pytest.raises(psycopg.errors.UniqueViolation):
        counter.transaction(work, pipelined=True)
    assert _counts(counter) == [0, 0]
    counter.transaction(lambda connection: _add(connection, 2), pipelined=True)
    assert _counts(counter) == [0, 1]


def test_a_pipeline_returns_the_results_that_are_read(counter):
    def work(connection):
        _add(connection, 2)
        return connection.execute("SELECT n FROM counter ORDER BY id").fetchall()

    assert counter.transaction(work, pipelined=True) == [{"n": 0}, {"n": 1}]


def test_a_savepoint_allows_statements_after_a_failed_one(counter):
    def work(connection):
        try:
            with connection.transaction():
                connection.execute("INSERT INTO counter VALUES (1)")
        except psycopg.errors.UniqueViolation:
            _add(connection, 2)

    counter.transaction(work)
    assert _counts(counter) == [0, 1]


def test_a_transaction_is_read_committed_with_timeouts(database):
    def settings(connection):
        names = ("transaction_isolation", "lock_timeout", "statement_timeout")
        return [connection.execute(f"SHOW {name}").fetchone()[name] for name in names]

    assert database.transaction(settings) == ["read committed", "10s", "1min"]
    # and the session keeps no setting of a transaction, because a pooler passes it to other clients
    assert database.fetch_all("SHOW statement_timeout") == [{"statement_timeout": "0"}]


def _terminate(database_url: str, pid: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_transaction_is_retried_after_a_lost_connection(counter, pipelined, database_url):
    attempts = []

    def work(connection):
        _add(connection, 1)
        attempts.append(connection.execute(BACKEND).fetchone()["pid"])
        if len(attempts) == 1:
            _terminate(database_url, attempts[0])
        _add(connection, 2)

    counter.transaction(work, pipelined=pipelined)
    assert len(attempts) == 2
    assert _counts(counter) == [1, 1]


def test_the_first_use_opens_one_connection(database_url, monkeypatch):
    opened = []
    connect = AskingConnection.connect

    def counted(*given, **options):
        connection = connect(*given, **options)
        opened.append(connection.info.backend_pid)
        return connection

    monkeypatch.setattr(AskingConnection, "connect", counted)
    with Database.connect(database_url) as database:
        (row,) = database.fetch_all(BACKEND)
    assert opened == [row["pid"]]


def test_a_connection_lost_while_idle_is_not_noticed(single, database_url):
    for act in (
        single.fetch_all,
        lambda query: single.transaction(lambda c: c.execute(query).fetchall()),
    ):
        _terminate(database_url, single.fetch_all(BACKEND)[0]["pid"])
        assert act("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_deadlock_is_resolved_by_a_retry(counter, pipelined):
    met = threading.Barrier(2, timeout=20)
    attempts = []

    def cross(first: int, second: int):
        def work(connection):
            attempts.append(first)
            _add(connection, first)
            connection.execute(BACKEND).fetchone()  # a pipeline may keep the last statement back
            if attempts.count(first) == 1:
                met.wait()
            _add(connection, second)

        counter.transaction(work, pipelined=pipelined)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(cross, 1, 2), threads.submit(cross, 2, 1)]:
            done.result()
    assert len(attempts) == 3
    assert _counts(counter) == [2, 2]


def test_threads_wait_for_a_free_connection(counter, database_url):
    with Database.connect(database_url, connections=2) as small, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: small.transaction(lambda c: _add(c, 1)), range(80)))
    assert _counts(counter) == [80, 0]


def test_a_lock_timeout_is_a_typed_error(counter):
    def hold(connection):
        _add(connection, 1)

        def wait(other):
            other.execute("SET LOCAL lock_timeout = '50ms'")
            _add(other, 1)

        with pytest.raises(DatabaseBusyError, match="lock timeout"):
            counter.transaction(wait)

    counter.transaction(hold)
    assert _counts(counter) == [1, 0]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections, because it is bound without a listener."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_the_error_for_an_unreachable_server_has_no_password(closed_port, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.3)
    url = f"postgresql://ann:hush@127.0.0.1:{closed_port}/registry"
    with pytest.raises(DatabaseUnavailableError) as caught:
        Database.connect(url).fetch_all("SELECT 1")
    message = str(caught.value)
    assert f"ann:***@127.0.0.1:{closed_port}/registry" in message
    assert "PEDIGREE_DATABASE_URL" in message
    assert "hush" not in message


def test_a_wrong_password_is_an_error_without_retries(database_url, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 1000)
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 1000)
    password = psycopg.conninfo.conninfo_to_dict(database_url)["password"]
    with pytest.raises(DatabaseUnavailableError, match="authentication failed") as caught:
        Database.connect(database_url.replace(password, "wrong")).fetch_all("SELECT 1")
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry",
        "host=db password=hush",
        "mysql://ann:hush@db/registry",
        "postgresql://ann:hush@db/registry?no_such_option=1",
        "postgresql://ann:hush@db:port:port/registry",
    ],
)
def test_an_invalid_postgres_url_is_refused_without_secrets(url):
    with pytest.raises(InvalidInputError, match=r"PEDIGREE_DATABASE_URL.*postgresql://") as caught:
        Database.connect(url)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_refused(text):
    with contextlib.suppress(InvalidInputError):
        Database.connect(f"postgresql://{text}")


def test_an_sqlalchemy_url_is_accepted(database_url):
    url = database_url.replace("postgresql://", "postgresql+psycopg2://")
    with Database.connect(url) as database:
        assert database.fetch_all("SELECT 1 AS one") == [{"one": 1}]
        assert "***" in database.url_shown


def test_the_url_opens_the_database_with_sqlalchemy(database_url):
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="the dagster extra is not installed")
    url = database_url.replace("postgresql://", "postgresql+psycopg2://")
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
    engine.dispose()


def prepared(database_url: str) -> int:
    """How many statements a session has prepared after some repetitions of one.

    One more says who asks.
    """
    with Database.connect(database_url, connections=1) as database:
        for _ in range(8):
            database.fetch_all("SELECT 1")
        (row,) = database.fetch_all("SELECT count(*) AS n FROM pg_prepared_statements")
    return int(row["n"])


def test_repeated_statements_are_prepared_in_a_session_of_their_own(database_url: str) -> None:
    assert prepared(database_url) == 2


@pytest.mark.skipif(not PROGRAM, reason=MISSING)
def test_nothing_is_prepared_through_a_pooler(
    database_url: str, postgres: EmbeddedPostgres
) -> None:
    with pooled(postgres.url("postgres")) as shown:
        assert prepared(shown(database_url)) == 0


def test_a_prepared_statement_survives_a_migration_that_adds_a_column(
    database_url: str, single: Database
) -> None:
    query = "SELECT * FROM public.migrated"
    with Database.connect(database_url) as other:
        other.transaction(lambda c: c.execute("CREATE TABLE public.migrated AS SELECT 1 AS one"))
        for _ in range(8):
            assert single.fetch_all(query) == [{"one": 1}]
        other.transaction(lambda c: c.execute("ALTER TABLE public.migrated ADD COLUMN two int"))
        assert single.fetch_all(query) == [{"one": 1, "two": None}]
        other.transaction(lambda c: c.execute("ALTER TABLE public.migrated ADD COLUMN three int"))
        row = single.transaction(lambda c: c.execute(query).fetchone())
        assert row == {"one": 1, "two": None, "three": None}


@pytest.fixture
def single(database_url: str) -> Iterator[Database]:
    """A database with one connection, so that all statements share it."""
    with Database.connect(database_url, connections=1) as database:
        yield database


def test_a_process_with_an_open_pool_exits_silently(database_url):
    """Python 3.13 would wait ten seconds for the pool's threads, with a warning."""
    script = (
        "import sys; from pedigree.postgres import Database;"
        "database = Database.connect(sys.argv[1]); print(database.fetch_all('SELECT 1 AS one'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, database_url], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[{'one': 1}]\n", "")


def test_a_closed_database_opens_again(single):
    before = single.fetch_all(BACKEND)
    single.close()
    assert single.fetch_all(BACKEND) != before


def test_a_forked_child_leaves_the_parents_connections_alone(single):
    before = single.fetch_all(BACKEND)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if single.fetch_all(BACKEND) != before else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert single.fetch_all(BACKEND) == before
