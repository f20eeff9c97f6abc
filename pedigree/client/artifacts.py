"""The files of versions: list, read, pull, verify and load them."""

from collections.abc import Iterator
from datetime import timedelta

from pedigree.artifacts.objects import ReadableStore
from pedigree.artifacts.presign import file_of
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.catalog.files import FileOperations, Located
from pedigree.catalog.records import ModelVersion
from pedigree.client.service import Service
from pedigree.contract import paths
from pedigree.contract.artifacts import ArtifactContract
from pedigree.contract.paths import fill
from pedigree.contract.versions import VersionContract


class RemoteArtifacts(FileOperations, ArtifactContract):
    """The files of versions: list, read, pull, verify and load them."""

    def __init__(self, service: Service, versions: VersionContract) -> None:
        self._service = service
        self._versions = versions
        self._cache = service.cache

    def manifest(self, reference: str) -> Manifest:
        return self._service.read(Manifest, self._service.version_path(paths.FILES, reference))

    def presign(
        self, reference: str, path: str | None = None, *, expires: timedelta = timedelta(hours=1)
    ) -> dict[str, str]:
        served = self._service.version_path(paths.URLS, reference)
        return self._service.read(
            dict[str, str], served, path=path, expires=expires.total_seconds()
        )

    def stream(
        self, reference: str, path: str, *, start: int = 0
    ) -> tuple[ManifestFile, Iterator[bytes]]:
        located = self._located(reference)
        file = file_of(located.manifest, path)
        if start >= file.size:
            return file, iter(())
        return file, self._service.files.stream(located.keys[file.digest], start=start)

    def _find(self, reference: str) -> ModelVersion:
        return self._versions.get(reference)

    def _note_download(self, version: ModelVersion) -> None:
        """Do nothing: the service notes what it sends."""

    @property
    def _readable(self) -> ReadableStore:
        return self._service.files

    def _located(self, reference: str) -> Located:
        version = self._versions.get(reference)
        manifest = self.manifest(version.reference)
        of = {"name": version.model_name, "version": version.version_id}
        keys = {file.digest: fill(paths.DOWNLOAD, **of, path=file.path) for file in manifest.files}
        return Located(version, manifest, keys)
