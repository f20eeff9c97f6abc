"""Brings the bytes of versions of MLflow, several at once, before the versions have a number."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from pedigree.artifacts.publish import publish
from pedigree.artifacts.store import StagedArtifact
from pedigree.catalog.restored_bytes import restored_by
from pedigree.errors import InvalidInputError, SourceUnavailableError
from pedigree.registry import Registry
from pedigree.sources.artifact_api import ROUTE
from pedigree.sources.fetching import fetch
from pedigree.sources.folders import fetching_folder
from pedigree.sources.mlmodel import StatedModel, stated_model
from pedigree.sources.uri import (
    FileSource,
    ForeignSource,
    ObjectSource,
    ProxiedSource,
    WebSource,
    parse_source,
)
from pedigree.transfer.mlflow_api import MlflowArtifacts
from pedigree.transfer.origin import Origin
from pedigree.transfer.origin_records import READY, OriginFacts, OriginVersion

T = TypeVar("T")
R = TypeVar("R")

# Versions that are fetched at once, and that wait for their turn. Each is some files on disk.
_AT_ONCE = 4
_AHEAD = 8


class PreparedVersion(NamedTuple):
    """A version whose bytes are stored, or why they are not."""

    version: OriginVersion
    facts: OriginFacts
    model: StatedModel
    """What the files say of themselves."""
    published: StagedArtifact | None
    reason: str | None
    """Why the registry has no bytes, if it does not; None if nobody wanted them."""


class VersionPreparer:
    """Reads runs, fetches files and stores them.

    Args:
        registry: The registry.
        origin: Where the versions are.
        server: Reads the artifacts that MLflow's server proxies; None if there is no server.
    """

    def __init__(self, registry: Registry, origin: Origin, server: MlflowArtifacts | None) -> None:
        self._registry = registry
        self._origin = origin
        self._server = server
        self._proxied = f"{server.uri}{ROUTE}/" if server else None

    def prepare(self, version: OriginVersion, *, with_bytes: bool) -> PreparedVersion:
        """Return a version with what is known of it and, if wanted, its bytes in the store.

        Raises:
            OriginUnavailableError: The origin does not answer.
        """
        facts = self._origin.facts(version)
        unknown = PreparedVersion(version, facts, StatedModel(), None, None)
        if version.status != READY:
            return unknown._replace(reason=f"MLflow says {version.status} {version.status_message}")
        if not with_bytes:
            return unknown
        location = facts.location or version.source
        try:
            return self._fetched(unknown, location)
        except (InvalidInputError, SourceUnavailableError) as error:
            return unknown._replace(reason=error.message)

    def _fetched(self, unknown: PreparedVersion, location: str) -> PreparedVersion:
        place = parse_source(location)
        if isinstance(place, WebSource) and self._proxied and place.uri.startswith(self._proxied):
            place = ProxiedSource(place.uri.removeprefix(self._proxied))
        if not isinstance(
            place, ObjectSource | WebSource | FileSource | ForeignSource | ProxiedSource
        ):
            raise InvalidInputError(f"MLflow does not say where {location} is")
        registry = self._registry
        with fetching_folder(registry.settings.home_folder) as folder:
            fetch(location, place, folder, registry.settings, server=self._server)
            model = stated_model(folder)
            published = publish(
                registry.database,
                registry.store,
                folder,
                model.flavor,
                model.signature,
                record=restored_by(registry.context.actor()),
            )
        return unknown._replace(model=model, published=published)


def in_order(items: Iterable[T], work: Callable[[T], R]) -> Iterator[R]:
    """Yield the results of some work in the order of the items; a few are done ahead.

    After a failure, nothing more is begun.
    """
    with ThreadPoolExecutor(_AT_ONCE, "pedigree-import") as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
