"""Dagster's own storage, in Pedigree's Postgres.

In ``dagster.yaml``, which is a static file::

    storage:
      custom:
        module: pedigree.dagster.instance
        class: PedigreeStorage

The environment has the location: ``PEDIGREE_DAGSTER_DATABASE_URL``, or else the schema ``dagster``
of the database in ``PEDIGREE_DATABASE_URL``, or else a database of the embedded server. Every
process with a storage keeps the embedded server running, and the first one that finds it stopped
restarts it.
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

from pedigree.dagster.instance.engine import open_engine, table_creation_lock, test_connections
from pedigree.errors import DatabaseUnavailableError, InvalidInputError
from pedigree.postgres.embedded import EmbeddedPostgres
from pedigree.settings import Settings, redact_url

DATABASE = "dagster"
SCHEMA = "dagster"

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=type)


class PedigreeStorage(DagsterPostgresStorage):
    """Runs, events and schedules in Postgres, at the location in the settings.

    Args:
        postgres_url: A libpq URL.
        revive: Restarts the server when it refuses a connection; None if it is not embedded.
        inst_data: The data from which Dagster recreates this storage in another process.
    """

    def __init__(
        self,
        postgres_url: str,
        revive: Callable[[], None] | None = None,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        # dagster-postgres would create storages that cannot restart a server, so initialize only
        # the base class.
        DagsterStorage.__init__(self)  # type: ignore[no-untyped-call, arg-type]  # Dagster's own
        self.postgres_url = _with_driver(postgres_url)
        self.should_autocreate_tables = True
        self._inst_data = inst_data
        engine = open_engine(self.postgres_url, revive)
        with table_creation_lock(engine):
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
        config_value: Mapping[str, Any],  # noqa: ARG003 - Dagster's signature
    ) -> "PedigreeStorage":
        """Return the storage of this process's settings.

        Raises:
            InvalidInputError: A URL is invalid.
            UnavailableError: The server cannot be reached or started.
        """
        return open_storage(Settings(), inst_data)


def open_storage(
    settings: Settings, inst_data: ConfigurableClassData | None = None
) -> PedigreeStorage:
    """Return the storage of some settings.

    Raises:
        InvalidInputError: A URL is invalid.
        UnavailableError: The server cannot be reached or started.
    """
    if settings.dagster_database_url:
        return PedigreeStorage(settings.dagster_database_url, inst_data=inst_data)
    if settings.database_url:
        _create_schema(settings.database_url)
        return PedigreeStorage(in_schema(settings.database_url, SCHEMA), inst_data=inst_data)
    server = EmbeddedPostgres(settings.home_folder)
    return PedigreeStorage(
        server.application_url(DATABASE, owns=True), revive=server.ensure, inst_data=inst_data
    )


def in_schema(url: str, schema: str) -> str:
    """Return a URL whose connections find and create their tables in a schema.

    >>> in_schema("postgresql://ann@db/registry?sslmode=require", "dagster")
    'postgresql://ann@db/registry?sslmode=require&options=-csearch_path%3Ddagster'
    """
    parts = _split(url)
    query = dict(parse_qsl(parts.query))
    query["options"] = f"{query.get('options', '')} -csearch_path={schema}".strip()
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def _with_driver(url: str) -> str:
    """Return the URL with psycopg2 as driver; ``postgresql://`` means another in SQLAlchemy 2.1."""
    parts = _split(url)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2"))


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise InvalidInputError(
            "is not a Postgres URL",
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


def _retry_when_disconnected(method: Callable[P, R]) -> Callable[P, R]:
    """Run a storage method once more if its connection breaks.

    An event that was committed just before the break is then written twice. That is harmless for
    its readers, whereas a run that cannot write its log fails.
    """

    @wraps(method)
    def retry(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return method(*args, **kwargs)

    return retry


def _retries(*methods: str) -> Callable[[S], S]:
    def decorate(storage: S) -> S:
        for method in methods:
            setattr(storage, method, _retry_when_disconnected(getattr(storage, method)))
        return storage

    return decorate


def _remembers(*methods: str) -> Callable[[S], S]:
    """Let a storage ask only once whether a table or a column exists.

    Dagster reflects its schema before most statements. A table or a column that exists stays, so
    a yes is kept; a no is asked again, because ``dagster instance migrate`` may add it.
    """

    def decorate(storage: S) -> S:
        for method in methods:
            setattr(storage, method, _keep_yes(getattr(storage, method)))
        return storage

    return decorate


def _keep_yes(method: Callable[..., bool]) -> Callable[..., bool]:
    @wraps(method)
    def keep(storage: "_Pooled", *given: Any) -> bool:
        names = tuple(one for one in given if isinstance(one, str))  # the other is a connection
        question = (method.__name__, *names)
        if question not in storage._existing:
            if not method(storage, *given):
                return False
            storage._existing.add(question)
        return True

    return keep


class _Pooled:
    """The common part of the three storages: a pooled connection, and a server restart.

    dagster-postgres opens a connection for every statement, and SCRAM authentication then costs
    more than most statements. This uses one connection per process, tested before each use.
    """

    _engine: sqlalchemy.Engine
    _revive: Callable[[], None] | None = None

    def __init__(self, url: str) -> None:
        self._existing: set[tuple[str, ...]] = set()
        cast(Any, super()).__init__(url)

    @classmethod
    def opened(cls, url: str, revive: Callable[[], None] | None, engine: sqlalchemy.Engine) -> Any:
        storage = cls(url)
        storage._revive = revive
        storage._engine.dispose()
        storage._engine = engine
        return storage

    def optimize_for_webserver(
        self, statement_timeout: int, pool_recycle: int, max_overflow: int
    ) -> None:
        cast(Any, super()).optimize_for_webserver(statement_timeout, pool_recycle, max_overflow)
        test_connections(self._engine, self._revive)

    def dispose(self) -> None:
        cast(Any, super()).dispose()
        self._engine.dispose()


@_retries("handle_run_event", "add_run", "get_runs", "get_run_records", "add_daemon_heartbeat")
@_remembers("has_run_stats_index_cols", "has_backfill_id_column", "has_bulk_actions_selector_cols")
class _RunStorage(_Pooled, PostgresRunStorage):
    """Runs."""


@_retries("store_event", "store_event_batch", "get_records_for_run", "get_asset_records")
@_remembers("has_table", "has_asset_key_col", "_has_asset_key_col_on_connection")
class _EventLogStorage(_Pooled, PostgresEventLogStorage):
    """Events."""


@_retries("add_instigator_state", "update_instigator_state", "create_tick", "update_tick")
class _ScheduleStorage(_Pooled, PostgresScheduleStorage):
    """Schedules, sensors and their ticks."""
