"""A primary and a standby, of the programs that the embedded Postgres is made of."""

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
    layout = Layout(folder / "home")
    layout.create()
    ensure_cluster(layout, binaries, account, durable=False)
    password = layout.password.read_text()
    primary, standby = Node(folder / "a", password), Node(folder / "b", password)
    for node in (primary, standby):
        node.folder.mkdir()
    account.own(folder, primary.folder, standby.folder)

    def start(node: Node, data: Path) -> "subprocess.Popen[bytes]":
        options = {**settings, "unix_socket_directories": str(node.folder), "listen_addresses": ""}
        command = [binaries.program("postgres"), "-D", str(data), "-p", str(PORT)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (folder / f"{node.folder.name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, **account.popen_options()
            )
        wait_until(lambda: node.query("SELECT 1") == 1, "the start of a server")
        return process

    running = [start(primary, layout.data)]
    try:
        source = f"host={primary.folder} port={PORT} user={ROLE} password={password}"
        copy = folder / "copy"
        command = [binaries.program("pg_basebackup"), "-D", str(copy), "-R", "-c", "fast"]
        subprocess.run([*command, "-d", source], check=True, **account.popen_options())
        running.append(start(standby, copy))
        with primary.connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        state = "SELECT sync_state FROM pg_stat_replication"
        wait_until(lambda: primary.query(state) == "sync", "the replication")
        yield Pair(primary, standby, running[0])
    finally:
        for process in running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
