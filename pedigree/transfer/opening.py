"""Open MLflow by its URI, to read it or to write there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pedigree.libraries import library
from pedigree.transfer.exporting import Destination
from pedigree.transfer.mlflow_api import MlflowApi, MlflowArtifacts, MlflowLogin
from pedigree.transfer.mlflow_folder import MlflowFolder
from pedigree.transfer.mlflow_server import MlflowServer, MlflowTracking
from pedigree.transfer.mlflow_writer import MlflowWriter
from pedigree.transfer.naming import require_texts
from pedigree.transfer.origin import Origin


def open_origin(uri: str, registry: str | None, login: MlflowLogin) -> Origin:
    """Open a registry of MLflow for reading.

    Args:
        uri: Where the runs are: the URL of a server, or of a database.
        registry: Where the registry is, if it is elsewhere.
        login: The credentials for servers; a database has its own in its URL.

    Raises:
        InvalidInputError: A URI is neither that of a server nor that of a database.
        OriginUnavailableError: A database does not answer.
        OriginRefusedError: A database is not one of MLflow.
        MissingDependencyError: SQLAlchemy, or the driver of the database, is not installed.
    """
    where = uri if registry is None else registry
    if _is_server(where):
        tracking = None if registry is None else MlflowApi(uri, login)
        return MlflowServer(MlflowApi(where, login), tracking)
    library("sqlalchemy", extra="dagster")
    # SQLAlchemy takes a tenth of a second, and a server needs none of it.
    from pedigree.transfer.mlflow_database import MlflowDatabase  # noqa: PLC0415

    asked = MlflowTracking(MlflowApi(uri, login)) if _is_server(uri) and registry else None
    return MlflowDatabase(where, asked)


@contextmanager
def open_artifacts(uri: str, login: MlflowLogin) -> Iterator[MlflowArtifacts | None]:
    """Open the artifacts that a server of MLflow proxies; None if the URI is that of a database."""
    if not _is_server(uri):
        yield None
        return
    with MlflowApi(uri, login) as api:
        yield MlflowArtifacts(api)


@contextmanager
def open_destination(target: str, login: MlflowLogin) -> Iterator[Destination]:
    """Open where models go: a folder, or a server of MLflow by its URL.

    Raises:
        InvalidInputError: The folder has other files, or cannot be written.
    """
    require_texts("TARGET", [target])
    if not _is_server(target):
        yield MlflowFolder(Path(target))
        return
    with MlflowApi(target, login) as api:
        yield MlflowWriter(api)


def _is_server(uri: str) -> bool:
    return uri.partition(":")[0].lower() in {"http", "https"}
