"""The registries that ``benchmarks.fence`` compares: one database for each, all with the same rows.

A database without the fence never had the roles: no policy applies to its owner, and its functions
have the rights of their caller. The bare one also lacks what the fence added for all roles.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import Connection, Cursor, sql

from benchmarks._million import fill
from benchmarks._million_rows import Shape
from benchmarks._processor import Sessions
from pedigree import Registry, Settings
from pedigree.access.records import Role
from pedigree.artifacts.objects import open_store
from pedigree.audit.records import Actor
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres._asking_connection import AskingConnection, AskingCursor
from pedigree.postgres.migrate import migrate

# What changes rows by itself would be counted for the block in which it happens, and the processor
# time of parallel workers would not be counted.
SETTINGS = {"autovacuum": "off", "max_parallel_workers_per_gather": "0"}

BARE = "no fence, no settings, no checks of events"
OFF, ON = "owner, all models", "fence, all models"
OFF_TEN, ON_TEN = "owner, ten models", "fence, ten models"
_NAMES = {BARE: "bare", OFF: "off", ON: "on", OFF_TEN: "off_ten", ON_TEN: "on_ten"}

# The check of events as it was before it looked at what it is given.
_UNCHECKED = """
CREATE OR REPLACE FUNCTION pedigree.is_own_event(
    canonical bytea, event_id uuid, type text, model text, version integer, at timestamptz,
    actor jsonb
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN true; END $$
"""


class Side(NamedTuple):
    """A registry with or without the fence.

    Attributes:
        way: What it is, as the report names it.
        registry: The registry, with the rights of its principal.
        environment: What a service of the same database needs.
        secret: The secret of a token with the same rights.
        sessions: The sessions of Postgres that use its database.
    """

    way: str
    registry: Registry
    environment: dict[str, str]
    secret: str
    sessions: Sessions

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Send no settings for the bare registry, as before there were any."""
        if self.way == BARE:
            with _asking_nothing():
                yield
        else:
            yield


@contextmanager
def sides(home: Path, shape: Shape, ten: Sequence[str]) -> Iterator[list[Side]]:
    """Yield the registries; the first is the bare one.

    Args:
        home: An empty folder.
        shape: The numbers of models and versions.
        ten: The models that a limited principal may use.
    """
    server = EmbeddedPostgres(home, settings=SETTINGS)
    with ExitStack() as ending:
        ending.callback(server.stop, force=True)
        _fill(server, shape)
        watching = ending.enter_context(psycopg.connect(server.url("postgres"), autocommit=True))
        yield [ending.enter_context(_side(server, home, way, ten, watching)) for way in _NAMES]


def _fill(server: EmbeddedPostgres, shape: Shape) -> None:
    with Database.embedded(server, "filled") as database:
        migrate(database)
    fill(server.url("filled"), shape)
    with psycopg.connect(server.url("filled"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE filled STRATEGY FILE_COPY")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for name in _NAMES.values():
            connection.execute(copy.format(sql.Identifier(name)))
    for way, name in _NAMES.items():
        if _is_fenced(way):
            with Database.embedded(server, name) as database:
                migrate(database, roles=True)
    with psycopg.connect(server.url(_NAMES[BARE])) as connection:
        connection.execute(_UNCHECKED)


def _is_fenced(way: str) -> bool:
    return way in {ON, ON_TEN}


@contextmanager
def _side(
    server: EmbeddedPostgres, home: Path, way: str, ten: Sequence[str], watching: Connection
) -> Iterator[Side]:
    name = _NAMES[way]
    folder = home / name
    # Each registry has one session, so that its plans are made once.
    with Database.embedded(server, name, connections=1, as_application=_is_fenced(way)) as database:
        registry = Registry(
            database, open_store(None, folder), Settings(home=folder, actor="benchmark")
        )
        put_objects(database, folder)
        models = list(ten) if way in {OFF_TEN, ON_TEN} else []
        token = registry.create_token("benchmark", roles=[Role.CONTRIBUTOR], models=models)
        if models:
            actor = Actor(name="benchmark", source="benchmark")
            registry = registry.acting_as(actor, sees=models)
        url = server.application_url(name) if _is_fenced(way) else server.url(name)
        environment = {
            "PEDIGREE_DATABASE_URL": url,
            "PEDIGREE_HOME": str(folder),
            "PEDIGREE_SERVE_DRAIN": "0s",
        }
        yield Side(way, registry, environment, token.secret, Sessions(watching, name))


def put_objects(database: Database, folder: Path) -> None:
    """Put a few of the recorded objects into the store; a registry writes into no other one."""
    for row in database.fetch_all("SELECT key FROM pedigree.blob LIMIT 5"):
        path = folder / "objects" / row["key"]
        path.parent.mkdir(parents=True)
        path.touch()


def _begin(connection: AskingConnection, command: LiteralString) -> None:
    Cursor(connection).execute(command)


@contextmanager
def _asking_nothing() -> Iterator[None]:
    kept = AskingCursor._maybe_prepare_gen, AskingConnection.pipeline, AskingConnection.begin
    AskingCursor._maybe_prepare_gen = Cursor._maybe_prepare_gen  # type: ignore[method-assign]
    AskingConnection.pipeline = Connection.pipeline  # type: ignore[method-assign]
    AskingConnection.begin = _begin  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        (
            AskingCursor._maybe_prepare_gen,  # type: ignore[method-assign]
            AskingConnection.pipeline,  # type: ignore[method-assign]
            AskingConnection.begin,  # type: ignore[method-assign]
        ) = kept
