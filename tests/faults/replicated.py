"""Servers of the programs that the embedded Postgres is made of, without its supervisor."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg

from pedigree.postgres._account import choose_account
from pedigree.postgres._binaries import find_binaries
from pedigree.postgres._cluster import ROLE, ensure_cluster
from pedigree.postgres._layout import Layout
from tests.artifacts.servers.waiting import wait_until

PORT = 5432


class Node(NamedTuple):
    """One server of the two, which listens on a socket in its folder."""

    folder: Path
    password: str

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        """Connect to this server, whether it is the primary or not."""
        return psycopg.connect(
            host=str(self.folder),
            port=PORT,
            user=ROLE,
            password=self.password,
            dbname=database,
            autocommit=True,
        )

    def query(self, text: Any) -> Any:
        """Return the first value that a query gives; None while the server does not answer."""
        with suppress(psycopg.OperationalError), self.connect() as connection:
            row = connection.execute(text).fetchone()
            return row[0] if row else None
        return None

    def url(self, database: str = "postgres") -> str:
        """The URL of a database of this server."""
        host = quote(str(self.folder), safe="")
        return f"postgresql://{ROLE}:{self.password}@/{database}?host={host}&port={PORT}"


def make_cluster(folder: Path) -> Path:
    """Make an empty cluster in a folder, and return its data folder."""
    layout = Layout(folder / "home")
    layout.create()
    account = choose_account()
    ensure_cluster(layout, find_binaries(), account, durable=False)
    account.own(folder)
    return layout.data


def node_in(folder: Path, name: str) -> Node:
    """Return a server of the cluster in a folder, with a folder of its own for its socket."""
    node = Node(folder / name, Layout(folder / "home").password.read_text())
    node.folder.mkdir()
    choose_account().own(node.folder)
    return node


def start(
    node: Node, data: Path, settings: Mapping[str, str], **environment: str
) -> "subprocess.Popen[bytes]":
    """Start a server, and wait until it answers."""
    options = {**settings, "unix_socket_directories": str(node.folder), "listen_addresses": ""}
    command = [find_binaries().program("postgres"), "-D", str(data), "-p", str(PORT)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with node.folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **environment},
            **choose_account().popen_options(),
        )
    wait_until(lambda: node.query("SELECT 1") == 1, "the start of a server")
    return process


def end(*processes: "subprocess.Popen[bytes]") -> None:
    """Kill servers with all their processes."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Pair(NamedTuple):
    """A primary with a standby that has whatever it acknowledges."""

    primary: Node
    standby: Node
    process: "subprocess.Popen[bytes]"

    def url(self, database: str) -> str:
        """A URL that leads to the one of the two that takes writes."""
        hosts = quote(f"{self.primary.folder},{self.standby.folder}", safe="")
        return (
            f"postgresql://{ROLE}:{self.primary.password}@/{database}?host={hosts}"
            f"&port={PORT},{PORT}&target_session_attrs=read-write"
        )

    def fail_over(self) -> None:
        """Kill the primary with all its processes, and promote the standby."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.standby.query("SELECT pg_promote()")


@contextmanager
def replicated(folder: Path, settings: Mapping[str, str]) -> Iterator[Pair]:
    """Run a primary and a standby in a short folder."""
    binaries, account = find_binaries(), choose_account()
    data = make_cluster(folder)
    primary, standby = node_in(folder, "a"), node_in(folder, "b")
    running = [start(primary, data, settings)]
    try:
        source = f"host={primary.folder} port={PORT} user={ROLE} password={primary.password}"
        copy = folder / "copy"
        command = [binaries.program("pg_basebackup"), "-D", str(copy), "-R", "-c", "fast"]
        subprocess.run([*command, "-d", source], check=True, **account.popen_options())
        running.append(start(standby, copy, settings))
        with primary.connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        state = "SELECT sync_state FROM pg_stat_replication"
        wait_until(lambda: primary.query(state) == "sync", "the replication")
        yield Pair(primary, standby, running[0])
    finally:
        end(*running)
        shutil.rmtree(folder, ignore_errors=True)
