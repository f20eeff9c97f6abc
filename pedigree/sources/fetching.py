"""Fetch the files of a source into a folder of this machine.

>>> from pedigree.settings import Settings
>>> fetch("s3://models/churn", Path("new"), Settings())  # doctest: +SKIP

Nothing of what is fetched is opened or run here.
"""

import threading
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.libraries import library
from pedigree.settings import Settings
from pedigree.sources import refusals
from pedigree.sources.artifact_api import ArtifactReader, artifact_files
from pedigree.sources.local_files import LocalTree
from pedigree.sources.object_files import object_files
from pedigree.sources.offered import FetchBudget, OfferedFile, write_offered
from pedigree.sources.rules import Place, allowed_folder
from pedigree.sources.uri import FileSource, ForeignSource, ObjectSource, ProxiedSource, WebSource


def fetch(
    source: str,
    place: Place | ProxiedSource,
    folder: Path,
    settings: Settings,
    *,
    credentials: StoreCredentials | None = None,
    server: ArtifactReader | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Fetch the files at a place into an empty folder.

    Args:
        source: The source as the client sent it, which messages name.
        place: Where the files are.
        folder: An empty folder that nobody else may write to.
        settings: The rules and the limits.
        credentials: Of S3; those of the environment when None.
        server: The tracking server, which has what it proxies.
        stop: Ends the fetch when it is set, as if the source did not answer.

    Raises:
        InvalidSourceError: No rule allows it, a limit is reached, or it holds no files, a link or a
            device; it is not fetched again.
        InvalidArtifactError: A file has a path that no artifact may have.
        SourceUnavailableError: It does not answer now.
        MissingDependencyError: The extra that reads it is not installed.
    """
    budget = FetchBudget(source, settings, stop)
    with ExitStack() as stack:
        offered: Iterable[OfferedFile]
        match place:
            case ObjectSource():
                offered = object_files(place, credentials)
            case WebSource():
                web = library("pedigree.sources.web_files", extra="webhooks")
                offered = web.web_files(place, settings, budget)
            case FileSource():
                root = allowed_folder(source, place, settings.mlflow_sources)
                tree = LocalTree(source, root, place.path.removeprefix(root))
                offered = stack.enter_context(closing(tree)).files()
            case ProxiedSource() if server is not None:
                offered = artifact_files(server, place.path, budget)
            case ProxiedSource():
                raise refusals.refused(source, "There is no tracking server that has it")
            case ForeignSource():
                raise refusals.refused(source, f"The service cannot fetch from {place.scheme}:")
        write_offered(offered, folder, budget)
