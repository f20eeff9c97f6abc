"""The bytes of a version by reference, fetched from where its source says they are."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pedigree.catalog.records import ModelVersion, VersionSource
from pedigree.errors import NotSealedError
from pedigree.settings import Settings
from pedigree.sources.fetching import fetch
from pedigree.sources.rules import require_treatment
from pedigree.sources.uri import FileSource, ObjectSource, WebSource, parse_source


@contextmanager
def fetched(
    version: ModelVersion, source: VersionSource | None, settings: Settings
) -> Iterator[Path]:
    """Yield a folder with the files of a version, as long as they are needed.

    Raises:
        NotSealedError: It has no source from which the registry can fetch.
        InvalidSourceError: The rules refuse the source.
        SourceUnavailableError: The source does not answer now.
    """
    if source is None:
        raise _cannot(version, "it has no source")
    place = parse_source(source.location or source.source)
    if not isinstance(place, ObjectSource | WebSource | FileSource):
        raise _cannot(version, f"the service cannot fetch from {source.source}")
    require_treatment(source.source, place, settings.mlflow_sources, has_upstream=False)
    with tempfile.TemporaryDirectory(prefix="pedigree-") as folder:
        files = Path(folder) / "model"
        files.mkdir()
        fetch(source.source, place, files, settings)
        yield files


def _cannot(version: ModelVersion, why: str) -> NotSealedError:
    return NotSealedError(
        f"its bytes cannot be fetched: {why}",
        field="reference",
        value=version.reference,
        remedy=f"Give its files: `pedigree seal {version.reference} PATH`",
    )
