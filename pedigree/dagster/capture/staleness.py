"""The current state of a training's inputs for the kernel: entry point ``asset_graphs``."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psycopg2  # type: ignore[import-untyped]  # it ships no types
import sqlalchemy.exc
from dagster_postgres.utils import DagsterPostgresException

from pedigree.dagster.capture.input_history import current_inputs
from pedigree.dagster.instance.storage import DATABASE, SCHEMA, in_schema
from pedigree.errors import PedigreeError
from pedigree.lineage.records import LineageNode
from pedigree.lineage.staleness import AssetPartition, InputNow
from pedigree.postgres.embedded import EmbeddedPostgres
from pedigree.settings import Settings

UNREACHABLE_ERRORS = (
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
    """Return the current state of each input of a training, and how often it has changed since.

    The instance is the one of ``DAGSTER_HOME`` or of a ``dagster.yaml`` in the working folder,
    or else the one whose storage the settings name.

    Returns:
        None if no reachable instance has any of the inputs.
    """
    try:
        with reachable_instance(settings) as instance:
            found = current_inputs(instance, inputs) if instance else {}
    except UNREACHABLE_ERRORS:
        return None
    # An instance without any of them is not the one on which they were made.
    has_any = any(now.data_version for now in found.values())
    return found if has_any else None


@contextmanager
def reachable_instance(settings: Settings) -> Iterator[dg.DagsterInstance | None]:
    """Yield the instance of ``DAGSTER_HOME`` or of the working folder, or else of the settings."""
    # DagsterInstance.get() reads only the variable; `dg` reads the working folder.
    home = Path(os.environ.get("DAGSTER_HOME") or Path.cwd())
    if (home / "dagster.yaml").is_file() or os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance
        return
    if not _has_event_log(settings):
        yield None
        return
    storage = {"custom": {"module": "pedigree.dagster.instance", "class": "PedigreeStorage"}}
    with (
        tempfile.TemporaryDirectory(prefix="pedigree-") as folder,
        _settings_in_environment(settings),
        dg.DagsterInstance.local_temp(folder, overrides={"storage": storage}) as instance,
    ):
        yield instance


def _has_event_log(settings: Settings) -> bool:
    """Return whether Dagster's tables exist at the place in the settings, without creating them.

    Raises:
        psycopg2.Error: The server does not answer. Dagster itself would retry for seconds.
    """
    url = settings.dagster_database_url
    if url is None and settings.database_url:
        url = in_schema(settings.database_url, SCHEMA)
    if url is None:
        server = EmbeddedPostgres(settings.home_folder)
        if server.status().state == "absent" or not _has_row(
            server.application_url("postgres"),
            "SELECT 1 FROM pg_database WHERE datname = %s",
            DATABASE,
        ):
            return False
        url = server.application_url(DATABASE, owns=True)
    return _has_row(url, "SELECT 1 WHERE to_regclass('event_logs') IS NOT NULL")


def _has_row(url: str, query: str, *parameters: str) -> bool:
    connection = psycopg2.connect(url, connect_timeout=3)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchone() is not None
    finally:
        connection.close()


@contextmanager
def _settings_in_environment(settings: Settings) -> Iterator[None]:
    """Pass the caller's settings to the storage, which reads the environment."""
    values = {
        "PEDIGREE_HOME": str(settings.home_folder),
        "PEDIGREE_DATABASE_URL": settings.database_url,
        "PEDIGREE_DAGSTER_DATABASE_URL": settings.dagster_database_url,
    }
    before = {name: os.environ.get(name) for name in values}
    try:
        _set_environment(values)
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
