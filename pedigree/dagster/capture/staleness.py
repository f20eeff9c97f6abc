"""Tell the kernel what a training's inputs are now: entry point ``asset_graphs``."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psycopg2  # type: ignore[import-untyped]  # it ships no types
import sqlalchemy.exc
from dagster_postgres.utils import DagsterPostgresException

from pedigree.dagster.capture.input_history import inputs_on
from pedigree.dagster.instance.storage import DATABASE, SCHEMA, in_schema
from pedigree.errors import PedigreeError
from pedigree.lineage.records import LineageNode
from pedigree.lineage.staleness import AssetPartition, InputNow
from pedigree.postgres.embedded import EmbeddedPostgres
from pedigree.settings import Settings

OUT_OF_REACH = (
    PedigreeError,
    dg.DagsterError,
    DagsterPostgresException,
    psycopg2.Error,
    sqlalchemy.exc.SQLAlchemyError,
    OSError,
)


def inputs_now(
    inputs: Sequence[LineageNode], settings: Settings
) -> Mapping[AssetPartition, InputNow] | None:
    """Return what each input of a training is now, and how often it has changed since.

    The instance is the one that ``DAGSTER_HOME`` or a ``dagster.yaml`` in the working folder
    names, else the one that keeps its storage where the settings say.

    Returns:
        None where no instance is within reach that knows any of them, so nothing is claimed.
    """
    try:
        with instance_in_reach(settings) as instance:
            found = inputs_on(instance, inputs) if instance else {}
    except OUT_OF_REACH:
        return None
    # An instance that knows none of them is another one than the one they were made on.
    known = any(one.data_version for one in found.values())
    return found if known else None


@contextmanager
def instance_in_reach(settings: Settings) -> Iterator[dg.DagsterInstance | None]:
    """Give the instance of ``DAGSTER_HOME`` or of the working folder, else that of the settings."""
    # DagsterInstance.get() looks at the variable alone; the working folder is what `dg` looks at.
    home = Path(os.environ.get("DAGSTER_HOME") or Path.cwd())
    if (home / "dagster.yaml").is_file() or os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance
        return
    if not _keeps_events(settings):
        yield None
        return
    storage = {"custom": {"module": "pedigree.dagster.instance", "class": "PedigreeStorage"}}
    with (
        tempfile.TemporaryDirectory(prefix="pedigree-") as folder,
        _settings_in_environment(settings),
        dg.DagsterInstance.local_temp(folder, overrides={"storage": storage}) as instance,
    ):
        yield instance


def _keeps_events(settings: Settings) -> bool:
    """Say whether Dagster has ever stored anything where the settings say; never make it so.

    Raises:
        psycopg2.Error: The server does not answer. Dagster itself would try for seconds.
    """
    url = settings.dagster_database_url
    if url is None and settings.database_url:
        url = in_schema(settings.database_url, SCHEMA)
    if url is None:
        server = EmbeddedPostgres(settings.home_folder)
        if server.status().state == "absent" or not _says_yes(
            server.url("postgres"), "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE
        ):
            return False
        url = server.url(DATABASE)
    return _says_yes(url, "SELECT 1 WHERE to_regclass('event_logs') IS NOT NULL")


def _says_yes(url: str, query: str, *parameters: str) -> bool:
    connection = psycopg2.connect(url, connect_timeout=3)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchone() is not None
    finally:
        connection.close()


@contextmanager
def _settings_in_environment(settings: Settings) -> Iterator[None]:
    """Let the storage, which reads the environment, see the caller's settings."""
    said = {
        "PEDIGREE_HOME": str(settings.home_folder),
        "PEDIGREE_DATABASE_URL": settings.database_url,
        "PEDIGREE_DAGSTER_DATABASE_URL": settings.dagster_database_url,
    }
    before = {name: os.environ.get(name) for name in said}
    try:
        _set_environment(said)
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
