"""Pedigree and MLflow in one run: the same Postgres and the same versions.

Each has two workers and a database of its own. Ours asks for a token. ``--data DIR`` sets the
folder of the million, and ``--models N`` takes N models of 100 versions instead of 10,000.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks import _mlflow
from benchmarks._costs import processor_s
from benchmarks._million import million, small
from benchmarks._million_rows import Shape
from benchmarks._requests import ALIAS
from benchmarks._servers import CONNECTIONS, Running, drive, running
from pedigree import Registry, Settings
from pedigree.access.records import Role
from pedigree.postgres import EmbeddedPostgres

BIN = Path(sys.executable).parent
"""The programs of this environment."""

API = "/api/2.0/mlflow"
"""The prefix of MLflow's protocol, on both sides."""

WORKERS = ("--workers", "2")

Load = dict[str, Any]


class Side(NamedTuple):
    """One of the two servers, and how it is asked.

    Args:
        server: The server.
        postgres: The process of its Postgres.
        head: The line of a header with a credential; empty if it asks for none.
    """

    server: Running
    postgres: int
    head: str = ""

    def get(self, path: str, **query: object) -> str:
        """Return a request that reads, of MLflow's protocol."""
        return self.at(f"{API}/{path}?{urlencode(query, quote_via=quote)}")

    def at(self, path: str) -> str:
        """Return a request that reads, at a whole path."""
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{self.head}\r\n"

    def post(self, path: str, body: Mapping[str, object]) -> str:
        """Return a request that writes, of MLflow's protocol."""
        return self.write("POST", f"{API}/{path}", json.dumps(body), "application/json")

    def write(self, method: str, path: str, content: str, kind: str) -> str:
        """Return a request with content, at a whole path."""
        head = f"{self.head}Content-Type: {kind}\r\nContent-Length: {len(content.encode())}\r\n"
        return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n{content}"

    def drive(
        self,
        exchanges: Sequence[Sequence[str]],
        seconds: float,
        connections: int = CONNECTIONS,
    ) -> Load:
        """Load the server; the result has the processor time of an exchange, with Postgres'."""
        before = self.used()
        load = drive(self.server, exchanges, seconds=seconds, connections=connections)
        return load | {"processor_s": (self.used() - before) / load["done"]}

    def ask(self, path: str, body: Mapping[str, object] | None = None, **query: object) -> Any:
        """Return an answer of MLflow's protocol.

        Args:
            path: The path below its prefix.
            body: What is written; nothing is when None.
            **query: The query.
        """
        url = f"http://127.0.0.1:{self.server.port}{API}/{path}?{urlencode(query)}"
        headers = dict([self.head.strip().split(": ", 1)]) if self.head else {}
        content = None if body is None else json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
        with urlopen(Request(url, content, headers), timeout=600) as answer:
            return json.load(answer)

    def used(self) -> float:
        """Return the processor time that the server and Postgres have used."""
        return processor_s(self.server.pid) + processor_s(self.postgres)


class Sides(NamedTuple):
    """Both servers, and our database."""

    ours: Side
    theirs: Side
    url: str


def home_of(words: list[str]) -> Path:
    """Return the home folder of the registry that the words of a command ask for."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--models", type=int)
    models = parser.parse_known_args(words)[0].models
    return small(words, Shape(models=models)) if models else million(words)


@contextmanager
def with_mlflow(
    home: Path,
    folder: Path,
    *,
    database: str = "pedigree",
    is_copied: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Sides]:
    """Run both servers over a database of a registry and its copy in MLflow's tables.

    Args:
        home: The home folder of the registry.
        folder: For what the servers write.
        database: The database of the registry.
        is_copied: Whether copies are used, since versions are created.
        settings: Further settings of our service.
    """
    server = EmbeddedPostgres(home)
    environment = _mlflow.installed(home.parent)
    theirs = _mlflow.filled(environment, server, database)
    with (
        used(server, database, is_copied=is_copied) as url,
        used(server, theirs, is_copied=is_copied) as their_url,
        token(url, folder) as secret,
    ):
        put_objects(url, folder)
        variables = service_settings(url, folder) | dict(settings or {})
        with (
            serving(variables) as ours,
            _mlflow.serving(environment, their_url, folder / "mlartifacts") as other,
        ):
            postgres = server.status().pid
            assert postgres is not None
            head = f"Authorization: Bearer {secret}\r\n"
            yield Sides(Side(ours, postgres, head), Side(other, postgres), url)


@contextmanager
def used(server: EmbeddedPostgres, database: str, *, is_copied: bool) -> Iterator[str]:
    """Yield the URL of a database, or of a copy of it that is dropped afterwards."""
    if not is_copied:
        yield server.url(database)
        return
    copy = f"{database}_measured"
    drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(copy))
    make = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(make.format(Identifier(copy), Identifier(database)))
        try:
            yield server.url(copy)
        finally:
            connection.execute(drop)


@contextmanager
def token(url: str, folder: Path) -> Iterator[str]:
    """Yield the secret of an admin's token, which is revoked afterwards."""
    settings = Settings(database_url=url, home=folder, actor="bench")
    with Registry.connect(settings=settings) as registry:
        made = registry.create_token("bench", roles=[Role.ADMIN])
        try:
            yield made.secret
        finally:
            registry.revoke_token(made.token.token_id)


def service_settings(url: str, folder: Path) -> dict[str, str]:
    """Return the settings of a service over a database."""
    return {
        "PEDIGREE_DATABASE_URL": url,
        "PEDIGREE_HOME": str(folder),
        "PEDIGREE_ACTOR": "bench",
        "PEDIGREE_SERVE_DRAIN": "0s",
    }


def put_objects(url: str, folder: Path) -> None:
    """Put a few of the recorded objects into the store; a service writes into no other one."""
    with psycopg.connect(url) as connection:
        keys = connection.execute("SELECT key FROM pedigree.blob LIMIT 5").fetchall()
    for (key,) in keys:
        path = folder / "objects" / key
        path.parent.mkdir(parents=True)
        path.touch()


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[Running]:
    """Run our service."""
    # It responds once it has connected. It is never ready: the million has no bytes in the store.
    with running([str(BIN / "pedigree"), "serve", *WORKERS], environment, "/livez") as server:
        yield server


def names_with_alias(url: str, models: int) -> list[str]:
    """Return models of a registry that have the alias, in an order without a meaning."""
    query = """SELECT m.name FROM pedigree.tenure AS t JOIN pedigree.registered_model AS m
        USING (model_id) WHERE t.pointer = 'alias' AND t.name = %s AND t.held_until IS NULL
        ORDER BY md5(m.name) LIMIT %s"""
    with psycopg.connect(url) as connection:
        return [str(name) for (name,) in connection.execute(query, [ALIAS, models])]
