"""Dagster's own storage, in the Postgres that Pedigree uses anyway.

In ``dagster.yaml``, which is a static file::

    storage:
      custom:
        module: pedigree.dagster.instance
        class: PedigreeStorage

Where that is, the environment says: ``PEDIGREE_DAGSTER_DATABASE_URL``, else the schema ``dagster``
of the database that ``PEDIGREE_DATABASE_URL`` names, else a database of the embedded server. The
embedded server is held by every process that made a storage, and started again by the first of
them that finds it gone.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg2  # type: ignore[import-untyped]  # it ships no types
import sqlalchemy
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from sqlalchemy.exc import DBAPIError

from pedigree.dagster.instance.engine import alone, guard, open_engine
from pedigree.errors import DatabaseUnavailableError, InvalidInputError
from pedigree.postgres.embedded import EmbeddedPostgres
from pedigree.settings import Settings, redact_url

DATABASE = "dagster"
SCHEMA = "dagster"

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=type)


class PedigreeStorage(DagsterPostgresStorage):
    """Runs, events and schedules in Postgres, wherever the settings find one.

    Args:
        postgres_url: A libpq URL.
        revive: Brings the server back when a connection is refused; None where it is not ours.
        inst_data: How Dagster makes this storage again in another process.
    """

    def __init__(
        self,
        postgres_url: str,
        revive: Callable[[], None] | None = None,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        # dagster-postgres would make storages that know no server to revive, so only the root of
        # the classes is initialized.
        DagsterStorage.__init__(self)  # type: ignore[no-untyped-call, arg-type]  # Dagster's own
        self.postgres_url = _with_driver(postgres_url)
        self.should_autocreate_tables = True
        self._inst_data = inst_data
        engine = open_engine(self.postgres_url, revive)
        with alone(engine):
            self._run_storage: PostgresRunStorage = _RunStorage.opened(
                self.postgres_url, revive, engine
            )
            self._event_log_storage: PostgresEventLogStorage = _EventLogStorage.opened(
                self.postgres_url, revive, engine
            )
            self._schedule_storage: PostgresScheduleStorage = _ScheduleStorage.opened(
                self.postgres_url, revive, engine
            )

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return Dagster's schema of the configuration: there is none, the environment speaks."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003 - the environment says it instead
    ) -> "PedigreeStorage":
        """Make the storage that this process's settings name.

        Raises:
            InvalidInputError: A URL cannot be read.
            UnavailableError: The server cannot be reached or started.
        """
        return open_storage(Settings(), inst_data)


def open_storage(
    settings: Settings, inst_data: ConfigurableClassData | None = None
) -> PedigreeStorage:
    """Make the storage that some settings name.

    Raises:
        InvalidInputError: A URL cannot be read.
        UnavailableError: The server cannot be reached or started.
    """
    if settings.dagster_database_url:
        return PedigreeStorage(settings.dagster_database_url, inst_data=inst_data)
    if settings.database_url:
        _create_schema(settings.database_url)
        return PedigreeStorage(in_schema(settings.database_url, SCHEMA), inst_data=inst_data)
    server = EmbeddedPostgres(settings.home_folder)
    return PedigreeStorage(server.url(DATABASE), revive=server.ensure, inst_data=inst_data)


def in_schema(url: str, schema: str) -> str:
    """Return a URL whose connections find and make their tables in a schema.

    >>> in_schema("postgresql://ann@db/registry?sslmode=require", "dagster")
    'postgresql://ann@db/registry?sslmode=require&options=-csearch_path%3Ddagster'
    """
    parts = _split(url)
    query = dict(parse_qsl(parts.query))
    query["options"] = f"{query.get('options', '')} -csearch_path={schema}".strip()
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def _with_driver(url: str) -> str:
    """Name the driver: for SQLAlchemy 2.1 a bare ``postgresql://`` means another one."""
    parts = _split(url)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2"))


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise InvalidInputError(
            "is no Postgres URL",
            field="database_url",
            value=redact_url(url),
            remedy="Write postgresql://user:password@host:port/database",
        )
    return parts


def _create_schema(url: str) -> None:
    try:
        connection = psycopg2.connect(urlunsplit(_split(url)._replace(scheme="postgresql")))
    except psycopg2.OperationalError as error:
        raise DatabaseUnavailableError(
            "Dagster's database does not answer",
            field="database_url",
            value=redact_url(url),
            remedy="Start the server, or correct the URL",
        ) from error
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{SCHEMA}"')
    except psycopg2.errors.UniqueViolation:
        pass  # another process created it at the same moment
    except psycopg2.errors.InsufficientPrivilege as error:
        raise DatabaseUnavailableError(
            f"the database has no schema {SCHEMA!r} for Dagster, and this role may not create it",
            field="database_url",
            value=redact_url(url),
            remedy=f"Run CREATE SCHEMA {SCHEMA} as its owner, or set PEDIGREE_DAGSTER_DATABASE_URL",
        ) from error
    finally:
        connection.close()


def _again_when_disconnected(verb: Callable[P, R]) -> Callable[P, R]:
    """Run a storage verb once more when its connection broke under it.

    An event that was committed just before the break is then written twice. That is harmless for
    its readers, and a run that fails because its log could not be written is not.
    """

    @wraps(verb)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return verb(*args, **kwargs)

    return again


def _steady(*verbs: str) -> Callable[[S], S]:
    def decorate(storage: S) -> S:
        for verb in verbs:
            setattr(storage, verb, _again_when_disconnected(getattr(storage, verb)))
        return storage

    return decorate


class _Pooled:
    """What the three storages have in common: engines that keep a connection and revive a server.

    dagster-postgres connects anew for every statement, which by SCRAM costs more than most
    statements. One connection a process is kept instead, tried before each use.
    """

    _engine: sqlalchemy.Engine
    _revive: Callable[[], None] | None = None

    @classmethod
    def opened(cls, url: str, revive: Callable[[], None] | None, engine: sqlalchemy.Engine) -> Any:
        storage = cast(Any, cls)(url)
        storage._revive = revive
        storage._engine.dispose()
        storage._engine = engine
        return storage

    def optimize_for_webserver(
        self, statement_timeout: int, pool_recycle: int, max_overflow: int
    ) -> None:
        cast(Any, super()).optimize_for_webserver(statement_timeout, pool_recycle, max_overflow)
        guard(self._engine, self._revive)

    def dispose(self) -> None:
        cast(Any, super()).dispose()
        self._engine.dispose()


@_steady("handle_run_event", "add_run", "get_runs", "get_run_records", "add_daemon_heartbeat")
class _RunStorage(_Pooled, PostgresRunStorage):
    """Runs."""


@_steady("store_event", "store_event_batch", "get_records_for_run", "get_asset_records")
class _EventLogStorage(_Pooled, PostgresEventLogStorage):
    """Events."""


@_steady("add_instigator_state", "update_instigator_state", "create_tick", "update_tick")
class _ScheduleStorage(_Pooled, PostgresScheduleStorage):
    """Schedules, sensors and their ticks."""
