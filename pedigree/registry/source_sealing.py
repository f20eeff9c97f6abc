"""The bytes that a version by reference gets from its source when it is sealed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pedigree.artifacts.records import Manifest
from pedigree.catalog.records import ModelVersion, StatedVersion, VersionSource
from pedigree.contract.artifacts import ArtifactContract
from pedigree.errors import NotSealedError
from pedigree.registry.context import Context
from pedigree.registry.new_bytes import stated_of_fetched
from pedigree.registry.source_bytes import SourceFetcher
from pedigree.registry.source_versions import SourceVersions
from pedigree.sources.uri import ForeignSource, RegisteredSource, parse_source


class BytesOfSource(NamedTuple):
    """The files of a source, and what they and its origin say of the version."""

    folder: Path
    stated: StatedVersion


class SourceSealing:
    """Finds the bytes of versions by reference.

    Args:
        context: The registry's settings, database and store.
        versions: Finds the versions that are sources of others.
        artifacts: Their files.
    """

    def __init__(
        self, context: Context, versions: SourceVersions, artifacts: ArtifactContract
    ) -> None:
        self._context = context
        self._versions = versions
        self._artifacts = artifacts
        self._fetcher = SourceFetcher(context)

    @contextmanager
    def bytes_of(
        self, version: ModelVersion, source: VersionSource | None, flavor: str | None
    ) -> Iterator[BytesOfSource | Manifest]:
        """Yield the files of a version's source, as long as they are needed.

        Those of another version are in the store already, so only their list is needed.

        Raises:
            NotSealedError: The service cannot fetch from there.
            InvalidSourceError: The rules do not let it.
            SourceUnavailableError: The source does not answer now.
        """
        if source is None:
            raise _cannot_fetch(version, "it has no source")
        place = parse_source(source.source)
        if isinstance(place, ForeignSource):
            raise _cannot_fetch(version, f"the service cannot fetch from {source.source}")
        if isinstance(place, RegisteredSource):
            other = self._versions.find(place)
            if other.digest is None:
                raise _cannot_fetch(version, f"{other.reference} is not sealed itself")
            yield self._artifacts.manifest(other.reference)
            return
        with self._fetcher.fetched(version, source, place) as fetched:
            stated = stated_of_fetched(version, fetched, flavor, self._context.names)
            yield BytesOfSource(fetched.folder, stated)


def _cannot_fetch(version: ModelVersion, why: str) -> NotSealedError:
    return NotSealedError(
        f"its bytes cannot be fetched: {why}",
        field="reference",
        value=version.reference,
        remedy=f"Give its files: `pedigree seal {version.reference} PATH`",
    )
