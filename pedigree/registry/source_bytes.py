"""The bytes of versions that are pending or by reference, fetched from their sources."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pedigree._source_settings import Treatment
from pedigree.artifacts.upload_areas import UploadArea
from pedigree.catalog.records import ModelVersion, VersionSource
from pedigree.errors import SourceUnavailableError
from pedigree.registry.context import Context
from pedigree.registry.source_decisions import DecidedSource, decide
from pedigree.registry.upstream_notes import note
from pedigree.settings import Settings
from pedigree.sources import refusals
from pedigree.sources.claims import OriginClaim
from pedigree.sources.fetching import fetch
from pedigree.sources.folders import fetching_folder
from pedigree.sources.resolving import ResolvedSource
from pedigree.sources.rules import Place, RuledSource
from pedigree.sources.tracking import tracking_server
from pedigree.sources.uploaded import UploadedSource, UploadReader
from pedigree.sources.upstream import TrackingServer
from pedigree.sources.uri import LoggedModelSource, ProxiedSource, RunSource


class FetchedSource(NamedTuple):
    """The files of a source, and what the tracking server knows of it."""

    folder: Path
    found: ResolvedSource | None


class SourceFetcher:
    """Fetches the bytes of versions from their sources, as the rules allow.

    Args:
        context: The registry's settings, and the store of uploads.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    @contextmanager
    def fetched(
        self,
        version: ModelVersion,
        source: VersionSource,
        place: RuledSource,
        stop: threading.Event | None = None,
    ) -> Iterator[FetchedSource]:
        """Yield the files of a version's source, as long as they are needed.

        Args:
            version: The version.
            source: What its creator said of the source.
            place: The same source.
            stop: Ends the fetch when it is set, as if the source did not answer.

        Raises:
            InvalidSourceError: The rules do not let the service fetch from there.
            SourceUnavailableError: The source or the tracking server does not answer now.
        """
        settings = self._context.settings
        with fetching_folder(settings.home_folder) as folder:
            if isinstance(place, ProxiedSource) and (uploaded := UploadedSource.of(place)):
                # The creator of a version is the one who uploaded its files.
                area = UploadArea.of(version.created_by, uploaded.name)
                files = UploadReader(self._context.database, self._context.store, area)
                fetch(source.source, place, folder, settings, server=files, stop=stop)
                yield FetchedSource(folder, None)
                return
            with tracking_server(settings) as server:
                decided = _decided(settings, source, place, server)
                note(server, decided.found, version.model_name, version.version_id)
                there = _place_of(source, decided)
                fetch(source.source, there, folder, settings, server=server, stop=stop)
            yield FetchedSource(folder, decided.found)


def _decided(
    settings: Settings, source: VersionSource, place: RuledSource, server: TrackingServer | None
) -> DecidedSource:
    """Return what becomes of a source that must be fetched now."""
    claim = OriginClaim(source=source.source, run_id=source.run_id, model_id=source.logged_model_id)
    decided = decide(settings, claim, place, server)
    needs_server = isinstance(place, LoggedModelSource | RunSource | ProxiedSource)
    if decided.found is None and needs_server and server is not None:
        raise SourceUnavailableError("the tracking server does not say where it is")
    if decided.treatment is Treatment.REFERENCE:
        where = decided.location or source.source
        raise refusals.refused(source.source, f"The service does not fetch {where}")
    return decided


def _place_of(source: VersionSource, decided: DecidedSource) -> Place | ProxiedSource:
    there = decided.found.place if decided.found else decided.place
    if isinstance(there, LoggedModelSource | RunSource):
        raise refusals.refused(source.source, "It is not resolved")
    return there
