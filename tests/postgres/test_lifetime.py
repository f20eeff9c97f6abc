"""Several processes and one embedded server: its start, restart and stop."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from pedigree.errors import EmbeddedPostgresError
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres._account import choose_account
from pedigree.postgres._binaries import find_binaries
from pedigree.postgres._layout import Layout
from pedigree.postgres._server import Server

pytestmark = pytest.mark.system

PIDS = "SELECT pg_backend_pid() AS backend, current_database() AS name"
REVIVAL_S = 5


def _home(server: EmbeddedPostgres) -> Path:
    return server.folder.parent


def test_eight_clients_of_an_empty_folder_start_one_server(make_server, start_client):
    server = make_server(fresh=True)
    names = ["pedigree", "dagster"] * 4
    clients = [start_client(_home(server), database=name) for name in names]
    for client in clients:
        client.send(PIDS)
    assert [client.receive()["name"] for client in clients] == names

    log = (server.folder / "postgres.log").read_text()
    assert log.count("ready to accept connections") == 1
    assert "already exists" not in log
    assert set(server.status().users) >= {client.process.pid for client in clients}


def test_a_killed_server_restarts_within_seconds_without_loss(
    make_server, start_client, eventually, alive
):
    server = make_server()
    client = start_client(_home(server))
    client.ask("SELECT 1")
    with Database.embedded(server) as database:
        database.transaction(
            lambda connection: connection.execute("CREATE TABLE kept (id integer)")
        )
        database.transaction(lambda connection: connection.execute("INSERT INTO kept VALUES (7)"))
        killed = server.status().pid

        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        eventually(lambda: not alive(killed))
        assert client.ask("SELECT id FROM kept") == {"id": 7}
        assert database.fetch_all("SELECT id FROM kept") == [{"id": 7}]
        assert time.monotonic() - began < REVIVAL_S
    assert eventually(lambda: server.status().pid) != killed


def test_a_killed_backend_is_replaced_silently(make_server):
    with Database.embedded(make_server()) as database:
        os.kill(database.fetch_all(PIDS)[0]["backend"], signal.SIGKILL)
        assert database.fetch_all("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child its parent died")
def test_a_killed_supervisor_stops_the_server_cleanly(make_server, eventually, alive):
    server = make_server()
    server.ensure()
    status = server.status()

    os.kill(status.supervisor_pid, signal.SIGKILL)
    eventually(lambda: not alive(status.pid))
    log = (server.folder / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


@pytest.mark.parametrize("killed", [("supervisor_pid",), ("supervisor_pid", "pid")])
def test_the_next_query_restarts_server_and_supervisor(make_server, killed, eventually, alive):
    server = make_server()
    with Database.embedded(server) as database:
        backend = database.fetch_all(PIDS)[0]["backend"]
        before = server.status()
        for name in killed:
            os.kill(getattr(before, name), signal.SIGKILL)
        began = time.monotonic()
        eventually(lambda: not alive(before.pid) and not alive(backend))
        assert database.fetch_all("SELECT 1 AS one") == [{"one": 1}]
        assert time.monotonic() - began < REVIVAL_S
    after = server.status()
    assert after.state == "running"
    assert {after.pid, after.supervisor_pid}.isdisjoint({before.pid, before.supervisor_pid})


@pytest.fixture
def orphan(make_server, fast_settings):
    """A server without a supervisor, as on macOS after the supervisor was killed."""
    server = make_server()
    layout = Layout(server.folder.parent)
    process = Server(layout, find_binaries(layout.major()), choose_account(), fast_settings)
    process.start(lambda: False)
    yield server, process
    process.stop()


def test_a_server_without_supervisor_is_replaced(orphan, eventually):
    server, process = orphan
    assert server.status().state == "running"
    with Database.embedded(server) as database:
        assert database.fetch_all("SELECT 1 AS one") == [{"one": 1}]
    assert process.exited
    assert server.status().supervisor_pid


def test_a_server_without_supervisor_is_stopped(orphan):
    server, process = orphan
    assert server.stop()
    assert process.exited
    assert server.status().state == "stopped"


def test_a_supervisor_killed_while_it_starts_is_replaced(make_server, start_client, eventually):
    server = make_server(fresh=True)
    client = start_client(_home(server))
    client.send("SELECT 1 AS one")
    os.kill(eventually(lambda: server.status().supervisor_pid), signal.SIGKILL)
    assert client.receive() == {"one": 1}


def test_a_running_query_is_retried_after_the_server_is_killed(
    make_server, start_client, eventually
):
    server = make_server()
    waiting = start_client(_home(server))
    waiting.ask("SELECT 1")
    with Database.embedded(server) as database:
        waiting.send("SELECT count(*) AS n FROM pg_sleep(0.5)")
        query = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        eventually(lambda: database.fetch_all(query)[0]["n"])
    os.kill(server.status().pid, signal.SIGKILL)
    assert waiting.receive() == {"n": 1}


def test_the_server_stops_after_the_last_client_exits(make_server, start_client, eventually, alive):
    server = make_server()
    clients = [start_client(_home(server)) for _ in range(2)]
    for client in clients:
        client.ask("SELECT 1")
    status = server.status()
    clients[0].leave()
    clients[1].ask("SELECT 1")
    assert server.status().users == (clients[1].process.pid,)
    clients[1].leave()

    eventually(lambda: not alive(status.pid) and not alive(status.supervisor_pid))
    assert server.status().state == "stopped"
    log = (server.folder / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


def test_the_server_stops_after_the_last_clients_are_killed(make_server, start_client, eventually):
    server = make_server()
    clients = [start_client(_home(server)) for _ in range(2)]
    for client in clients:
        client.ask("SELECT 1")
    for client in clients:
        client.kill()
    eventually(lambda: server.status().state == "stopped")


def test_a_client_that_connects_during_the_stop_gets_an_answer(make_server, start_client):
    server = make_server()
    first = start_client(_home(server), grace_s=0)
    first.ask("SELECT 1")
    first.leave()
    with Database.embedded(server) as database:
        assert database.fetch_all("SELECT 1 AS one") == [{"one": 1}]


def test_a_server_in_use_is_not_stopped_and_the_error_lists_its_users(make_server, start_client):
    server = make_server()
    client = start_client(_home(server))
    client.ask("SELECT 1")
    with pytest.raises(EmbeddedPostgresError, match=f"in use by .*{client.process.pid}"):
        server.stop()
    assert client.ask("SELECT 1 AS one") == {"one": 1}
    client.leave()
    assert server.stop() or server.status().state == "stopped"
    assert not server.stop()


def test_a_server_that_is_stopped_by_force_is_restarted_by_its_users(make_server, start_client):
    server = make_server()
    client = start_client(_home(server))
    client.ask("SELECT 1")
    assert server.stop(force=True)
    assert server.status().state == "stopped"
    assert client.ask("SELECT 1 AS one") == {"one": 1}


def test_a_forked_child_keeps_the_server_after_its_parent_has_stopped_using_it(
    make_server, eventually
):
    server = make_server()
    server.ensure()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    try:
        with pytest.raises(EmbeddedPostgresError, match="in use"):
            server.stop()
    finally:
        os.close(writer)
        os.waitpid(child, 0)
    assert server.stop()


def test_a_forked_child_uses_its_own_connections(make_server):
    server = make_server()
    with Database.embedded(server, connections=1) as database:
        mine = database.fetch_all(PIDS)[0]["backend"]
        child = os.fork()
        if child == 0:
            theirs = database.fetch_all(PIDS)[0]["backend"]
            database.close()
            os._exit(0 if theirs != mine else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert database.fetch_all(PIDS)[0]["backend"] == mine


def test_the_server_ends_when_its_folder_is_removed(make_server, eventually, alive):
    server = make_server()
    server.ensure()
    status = server.status()
    shutil.rmtree(server.folder)
    eventually(lambda: not alive(status.pid) and not alive(status.supervisor_pid))


def test_a_folder_that_is_removed_under_its_clients_is_not_begun_again(
    make_server, eventually, alive
):
    server = make_server()
    with Database.embedded(server) as database:
        database.fetch_all("SELECT 1")
        pid = server.status().pid
        while server.folder.exists():  # the server may write a file while its folder is emptied
            shutil.rmtree(server.folder, ignore_errors=True)
        eventually(lambda: not alive(pid))
        with pytest.raises(EmbeddedPostgresError, match="was created before, and is missing"):
            database.fetch_all("SELECT 1")
    assert not (server.folder / "data").exists()


def test_a_deleted_socket_is_restored(make_server):
    server = make_server()
    with Database.embedded(server) as database:
        database.fetch_all("SELECT 1")
        for file in Path((server.folder / "socket").read_text()).iterdir():
            file.unlink()
        database.close()
        assert database.fetch_all("SELECT 1 AS one") == [{"one": 1}]


def test_stale_files_with_the_id_of_a_live_process_do_not_prevent_the_start(make_server):
    server = make_server()
    (server.folder / "data" / "postmaster.pid").write_text(f"{os.getppid()}\n/nowhere\n")
    server.ensure()
    assert server.status().state == "running"
