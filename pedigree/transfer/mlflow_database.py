"""A registry of MLflow, read from its database; nothing is written there.

Needs SQLAlchemy and the driver of the database; import it with :func:`pedigree.libraries.library`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, Row, create_engine, event, inspect, make_url, tuple_
from sqlalchemy import select as query
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from pedigree.errors import (
    InvalidInputError,
    MissingDependencyError,
    OriginRefusedError,
    OriginUnavailableError,
)
from pedigree.transfer import mlflow_tables as t
from pedigree.transfer.mlflow_runs import MlflowRuns
from pedigree.transfer.mlflow_server import MlflowTracking, logged_model_of
from pedigree.transfer.origin_records import (
    NO_STAGE,
    READY,
    OriginFacts,
    OriginModel,
    OriginVersion,
    time_of,
)

# A page is one short read, so the import holds no old snapshot of MLflow's database for hours.
_PAGE = 500


class MlflowDatabase:
    """A registry of MLflow in its database.

    Args:
        uri: The URL as MLflow's ``--backend-store-uri`` has it: ``postgresql://…``, ``mysql://…``
            or ``sqlite:///…``.
        tracking: The server that has the runs; this database by default.

    Raises:
        InvalidInputError: It is not such a URL.
        OriginUnavailableError: The database does not answer.
        OriginRefusedError: It has no tables of MLflow.
        MissingDependencyError: The driver is not installed.
    """

    def __init__(self, uri: str, tracking: MlflowTracking | None = None) -> None:
        self._tracking = tracking
        url = _url_of(uri)
        self.uri = url.render_as_string(hide_password=True)
        self._engine = _engine_of(_readable(url))
        try:
            with self._asking() as connection:
                self._tables = frozenset(inspect(connection).get_table_names())
                if not {t.MODELS.name, t.VERSIONS.name} <= self._tables:
                    raise OriginRefusedError(
                        "the database has no model registry of MLflow",
                        remedy="Name the backend store of `mlflow server`",
                    )
                columns = inspect(connection).get_columns(t.MODELS.name)
        except BaseException:
            self._engine.dispose()
            raise
        self._has_workspaces = any(each["name"] == t.WORKSPACE.name for each in columns)
        self._runs = MlflowRuns(self._tables)
        self._run = lru_cache(maxsize=256)(self._read_run)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
        if self._tracking is not None:
            self._tracking.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *of_error: object) -> None:
        """Close the connections."""
        self.close()

    def models(self) -> Iterator[OriginModel]:
        """Yield all models of the default workspace, by name.

        Raises:
            OriginUnavailableError: The database does not answer.
        """
        after = ""
        while page := self._page_of_models(after):
            yield from page
            after = page[-1].name

    def versions(self) -> Iterator[OriginVersion]:
        """Yield all versions that are not deleted, by name and number.

        Raises:
            OriginUnavailableError: The database does not answer.
        """
        after = ("", 0)
        while page := self._page_of_versions(after):
            yield from page
            after = (page[-1].name, page[-1].number)

    def deleted(self) -> dict[str, list[int]]:
        """Return the numbers of deleted versions by model."""
        found: dict[str, list[int]] = defaultdict(list)
        versions = t.VERSIONS.c
        asked = self._ours(query(versions.name, versions.version)).where(
            versions.current_stage == t.DELETED
        )
        with self._asking() as connection:
            for name, number in connection.execute(asked):
                found[name].append(number)
        return found

    def facts(self, version: OriginVersion) -> OriginFacts:
        """Return what is known of the run and the files of a version."""
        if self._tracking is not None:
            return self._tracking.facts(version, version.location)
        with self._asking() as connection:
            named = version.logged_model_id or logged_model_of(version.source)
            logged = self._runs.logged_model(connection, named) if named else None
        run_id = version.run_id or (logged.run_id if logged else None)
        run = self._run(run_id) if run_id else None
        return OriginFacts(run=run, logged_model=logged, location=version.location)

    def _read_run(self, run_id: str) -> Any:
        with self._asking() as connection:
            return self._runs.run(connection, run_id)

    def _page_of_models(self, after: str) -> list[OriginModel]:
        models = t.MODELS.c
        asked = self._ours(query(t.MODELS)).where(models.name > after)
        with self._asking() as connection:
            rows = connection.execute(asked.order_by(models.name).limit(_PAGE)).all()
            names = [row.name for row in rows]
            tags = self._ours(query(t.MODEL_TAGS)).where(t.MODEL_TAGS.c.name.in_(names))
            aliases = self._ours(query(t.ALIASES)).where(t.ALIASES.c.name.in_(names))
            tags_of, aliases_of = defaultdict(dict), defaultdict(dict)  # type: ignore[var-annotated]
            for tag in connection.execute(tags):
                tags_of[tag.name][tag.key] = tag.value or ""
            for alias in connection.execute(aliases):
                aliases_of[alias.name][alias.alias] = alias.version
        return [
            OriginModel(
                name=row.name,
                description=row.description or "",
                tags=tags_of[row.name],
                aliases=aliases_of[row.name],
                created_at=time_of(row.creation_time),
                updated_at=time_of(row.last_updated_time),
            )
            for row in rows
        ]

    def _page_of_versions(self, after: tuple[str, int]) -> list[OriginVersion]:
        versions, tags = t.VERSIONS.c, t.VERSION_TAGS.c
        name, number = after
        asked = self._ours(query(t.VERSIONS)).where(
            (versions.name > name) | ((versions.name == name) & (versions.version > number)),
            versions.current_stage != t.DELETED,
        )
        with self._asking() as connection:
            rows = connection.execute(
                asked.order_by(versions.name, versions.version).limit(_PAGE)
            ).all()
            keys = [(row.name, row.version) for row in rows]
            found: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
            of_page = self._ours(query(t.VERSION_TAGS)).where(
                tuple_(tags.name, tags.version).in_(keys)
            )
            for tag in connection.execute(of_page):
                found[tag.name, tag.version][tag.key] = tag.value or ""
        return [_version(row, found[row.name, row.version]) for row in rows]

    def _ours(self, asked: Any) -> Any:
        return asked.where(t.WORKSPACE == t.DEFAULT_WORKSPACE) if self._has_workspaces else asked

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise OriginUnavailableError(
                f"the database of MLflow does not answer: {_reason(error)}",
                remedy="Check its URL, and that the user may read",
            ) from None


def _version(row: Row[Any], tags: dict[str, str]) -> OriginVersion:
    return OriginVersion(
        name=row.name,
        number=row.version,
        description=row.description or "",
        tags=tags,
        stage=row.current_stage or NO_STAGE,
        status=row.status or READY,
        status_message=row.status_message or "",
        source=row.source or "",
        location=row.storage_location or row.source or None,
        run_id=row.run_id or None,
        run_link=row.run_link or None,
        user=row.user_id or None,
        created_at=time_of(row.creation_time),
        updated_at=time_of(row.last_updated_time),
    )


def _url_of(uri: str) -> URL:
    try:
        url = make_url(uri)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in {"postgresql", "mysql", "sqlite"}:
        raise InvalidInputError(
            "is not the URL of a database that MLflow uses",
            field="URI",
            value=uri.partition("://")[0],
            remedy="Write postgresql://…, mysql+pymysql://… or sqlite:///FILE",
        )
    return url


def _readable(url: URL) -> URL:
    """Return the URL with a driver that Pedigree has; a file of SQLite is opened to be read."""
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")  # the driver that Pedigree uses itself
    if url.get_backend_name() == "sqlite":
        return url.set(
            database=f"file:{url.database}", query={**url.query, "mode": "ro", "uri": "true"}
        )
    return url


def _engine_of(url: URL) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError) as error:
        raise MissingDependencyError(
            f"the driver of {url.drivername} is not installed",
            remedy="Install it, such as `pip install pymysql` for mysql+pymysql://",
        ) from error
    read_only = {
        "postgresql": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",),
        "mysql": ("SET SESSION TRANSACTION READ ONLY",),
    }
    statements: Sequence[str] = read_only.get(url.get_backend_name(), ())

    def begin(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()

    if statements:
        event.listen(engine, "connect", begin)
    return engine


def _reason(error: SQLAlchemyError) -> str:
    """Return the first line of what the driver says, which has no password."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
