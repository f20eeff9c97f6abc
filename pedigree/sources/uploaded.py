"""Sources that a client uploaded to the service: ``mlflow-artifacts:/pedigree/uploads/NAME``."""

from collections.abc import Iterator
from typing import NamedTuple, Self

from pydantic_core import to_json

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.records import ManifestFile
from pedigree.artifacts.store import locate
from pedigree.artifacts.upload_areas import UploadArea, area_files, children
from pedigree.errors import SourceUnavailableError
from pedigree.postgres.database import Database
from pedigree.sources.rules import RuledSource
from pedigree.sources.uri import ProxiedSource

_FOLDER = "pedigree/uploads/"


class UploadedSource(NamedTuple):
    """A folder of an upload, or the whole of it."""

    name: str
    """The upload of the principal who creates the version."""
    path: str

    @classmethod
    def of(cls, place: RuledSource) -> Self | None:
        """Return the upload that a source names; None if it is another source.

        >>> UploadedSource.of(ProxiedSource("pedigree/uploads/new/model"))
        UploadedSource(name='new', path='model')
        >>> UploadedSource.of(ProxiedSource("0/f1/artifacts/model")) is None
        True
        """
        if not isinstance(place, ProxiedSource) or not place.path.startswith(_FOLDER):
            return None
        name, _, path = place.path.removeprefix(_FOLDER).partition("/")
        return cls(name, path)


class UploadReader:
    """Reads the files of an upload as those of a server of MLflow.

    Args:
        database: The database.
        store: The store.
        area: The upload.
    """

    def __init__(self, database: Database, store: ObjectStore, area: UploadArea) -> None:
        self._store = store
        self._database = database
        self._start = f"{_FOLDER}{area.name}"
        self._files = database.read(lambda transaction: area_files(transaction, area))

    def listed(self, path: str) -> bytes:
        """Return the JSON of the list of a folder."""
        entries = children(self._files, self._below(path))
        return to_json(
            {"files": [{"path": each.name, "is_dir": each.size is None} for each in entries]}
        )

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file.

        Raises:
            SourceUnavailableError: The upload has no such file any more.
        """
        wanted = self._below(path)
        for file in self._files:
            if file.path == wanted:
                yield from self._store.stream(self._key(file)) if file.size else ()
                return
        raise SourceUnavailableError("the upload has no such file any more")

    def _below(self, path: str) -> str:
        return path.removeprefix(self._start).removeprefix("/")

    def _key(self, file: ManifestFile) -> str:
        return self._database.read(lambda transaction: locate(transaction, {file.digest}))[
            file.digest
        ]
