"""Databases for tests. A thread copies the template ahead, and removes databases after their use.

Copying and removing are work of the server, for which a test would only wait.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql

TEMPLATE = "pedigree_template"
# Copies that wait for a test; a test seldom takes more than one.
AHEAD = 2


class Databases:
    """The databases of one test process on a server.

    Args:
        url: The URL of the server's database ``postgres``.
        shown: Returns the URL that a test uses, such as one of a pooler in front of the server.
    """

    def __init__(self, url: str, shown: Callable[[str], str] = str) -> None:
        self._url = url
        self._shown = shown
        self._ready: queue.Queue[str | psycopg.Error] = queue.Queue()
        self._orders: queue.Queue[Callable[[psycopg.Connection], None] | None] = queue.Queue()
        for _ in range(AHEAD):
            self._orders.put(self._copy)
        self._thread = threading.Thread(target=self._work, name="databases", daemon=True)
        self._thread.start()

    @contextmanager
    def lend(self) -> Iterator[Callable[..., str]]:
        """Give what makes databases, and remove those that it made at the end.

        ``make()`` returns the URL of a migrated database, ``make(None)`` that of an empty one, and
        ``make(name)`` that of a copy of another database.
        """
        made = []

        def make(template: str | None = TEMPLATE) -> str:
            name = self._take() if template == TEMPLATE else self._make(template or "template0")
            made.append(name)
            return self._shown(self._url.replace("@/postgres?", f"@/{name}?"))

        yield make
        for name in made:
            self._orders.put(_removal(name))

    def close(self) -> None:
        """End the thread; what is left goes with the server."""
        self._orders.put(None)
        self._thread.join()

    def _take(self) -> str:
        taken = self._ready.get()
        if isinstance(taken, psycopg.Error):
            raise taken
        self._orders.put(self._copy)
        return taken

    def _make(self, template: str) -> str:
        with psycopg.connect(self._url, autocommit=True) as connection:
            return _create(connection, template)

    def _copy(self, connection: psycopg.Connection) -> None:
        try:
            self._ready.put(_create(connection, TEMPLATE))
        except psycopg.Error as error:
            self._ready.put(error)

    def _work(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while (order := self._orders.get()) is not None:
                order(connection)


def _create(connection: psycopg.Connection, template: str) -> str:
    name = f"test_{uuid4().hex}"
    # A copy of files is faster than one through the log, but unknown to Postgres 14.
    strategy = " STRATEGY file_copy" if connection.info.server_version > 150000 else ""
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}{}").format(
            sql.Identifier(name), sql.Identifier(template), sql.SQL(strategy)
        )
    )
    return name


def _removal(name: str) -> Callable[[psycopg.Connection], None]:
    query = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    return lambda connection: connection.execute(query) and None
