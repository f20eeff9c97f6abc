"""What a load costs: processor time of a server and its Postgres, statements and flushes."""

import time
from dataclasses import dataclass
from typing import Any, Self

import psutil
import psycopg

from pedigree.postgres import EmbeddedPostgres

COUNTING = {"shared_preload_libraries": "pg_stat_statements"}
"""Settings of a Postgres that counts statements."""

# Postgres' processes report what they counted when they have been idle for so long.
_REPORTED_S = 11.0
_STATEMENTS = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements"
_FLUSHES = "SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'"


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Sums since the start of some processes."""

    server_s: float
    postgres_s: float
    statements: float = 0.0
    flushes: float = 0.0

    def since(self, before: Self, times: int) -> "Costs":
        """Return what each of several operations has cost since an earlier reading."""
        return Costs(
            server_s=(self.server_s - before.server_s) / times,
            postgres_s=(self.postgres_s - before.postgres_s) / times,
            statements=(self.statements - before.statements) / times,
            flushes=(self.flushes - before.flushes) / times,
        )

    def times(self, factor: float) -> "Costs":
        """Return the work that repeats this work a number of times."""
        return Costs(
            server_s=self.server_s * factor,
            postgres_s=self.postgres_s * factor,
            statements=self.statements * factor,
            flushes=self.flushes * factor,
        )

    @property
    def processor_s(self) -> float:
        """Processor time of both."""
        return self.server_s + self.postgres_s


class Meter:
    """Reads what a server and its Postgres have used.

    Args:
        pid: The server's process.
        server: The Postgres, started with :data:`COUNTING`.
    """

    def __init__(self, pid: int, server: EmbeddedPostgres) -> None:
        self._pid = pid
        self._server = server
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def processor(self) -> Costs:
        """Return the processor time, without the counts."""
        postgres = self._server.status().pid
        assert postgres is not None
        return Costs(server_s=processor_s(self._pid), postgres_s=processor_s(postgres))

    def all(self) -> Costs:
        """Return all, after a time in which Postgres reports its counts."""
        used = self.processor()
        time.sleep(_REPORTED_S)
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            statements, flushes = (_number(connection, each) for each in (_STATEMENTS, _FLUSHES))
        return Costs(
            server_s=used.server_s,
            postgres_s=used.postgres_s,
            statements=statements,
            flushes=flushes,
        )


def processor_s(pid: int) -> float:
    """Return the processor time of a process and its descendants, also of those that have ended."""
    total = 0.0
    root = psutil.Process(pid)
    for each in (root, *root.children(recursive=True)):
        try:
            used = each.cpu_times()
        except psutil.NoSuchProcess:  # its parent has its time now
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


def _number(connection: psycopg.Connection[Any], query: str) -> float:
    row = connection.execute(query).fetchone()
    assert row is not None
    return float(row[0])
