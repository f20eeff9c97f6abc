"""The files of versions over HTTP, and versions whose files come from here."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.client_upload import ClientUpload
from pedigree.artifacts.objects import ReadableStore
from pedigree.artifacts.presign import file_of
from pedigree.artifacts.records import (
    Manifest,
    ManifestFile,
    UploadFile,
    UploadSession,
    WantedFile,
)
from pedigree.artifacts.statistics import RegistryStatistics
from pedigree.audit.records import Actor
from pedigree.catalog.files import FileOperations, Located
from pedigree.catalog.records import NewVersion, Registration
from pedigree.catalog.register import Registering
from pedigree.client._session import only_in_process
from pedigree.client.versions import ReadingOperations
from pedigree.errors import BytesMissingError

# What a store takes in one request by a signed URL (S3's limit); larger files go to the service.
_LARGEST_PUT = 5 << 30
# How often bytes may be collected between their upload and the registration.
_TRIES = 3


class ArtifactOperations(ReadingOperations, FileOperations, Registering):
    """Verbs for the files of versions; each does what its namesake of ``Registry`` does.

    The service runs the registry's checks on what is registered, and writes its card.
    """

    def manifest(self, reference: str) -> Manifest:
        """Return the list of a version's files."""
        return self._read(Manifest, self._version_path(reference, "/files"))

    def presign(
        self, reference: str, path: str | None = None, *, expires: timedelta = timedelta(hours=1)
    ) -> dict[str, str]:
        """Return URLs by which anybody can read a version's files for a while, by path."""
        served = self._version_path(reference, "/urls")
        return self._read(dict[str, str], served, path=path, expires=expires.total_seconds())

    def stream(
        self, reference: str, path: str, *, start: int = 0
    ) -> tuple[ManifestFile, Iterator[bytes]]:
        """Return one of a version's files, and its bytes from a place on, piece by piece."""
        located = self._located(reference)
        file = file_of(located.manifest, path)
        if start >= file.size:
            return file, iter(())
        return file, self.store.stream(located.keys[file.digest], start=start)

    def stats(self) -> RegistryStatistics:
        """Count models, versions, files, and the bytes that are referred to and stored."""
        return self._read(RegistryStatistics, "/stats")

    @property
    def _readable(self) -> ReadableStore:
        return self.store

    def _located(self, reference: str) -> Located:
        version = self.get(reference)
        manifest = self.manifest(version.reference)
        files = self._version_path(version.reference, "/download")
        keys = {file.digest: f"{files}/{quote(file.path)}" for file in manifest.files}
        return Located(version, manifest, keys)

    def begin_upload(self, name: str, files: Sequence[WantedFile]) -> UploadSession:
        """Say which files the registry lacks, and where to put them."""
        path = self._model_path(name, "/uploads")
        return self._write(UploadSession, "POST", path, {"files": files})

    def upload(self, name: str, upload_id: UUID) -> UploadSession:
        """Return an upload that is under way: what is still missing, and where to put it."""
        return self._read(UploadSession, self._upload_path(name, upload_id))

    def end_upload(self, name: str, upload_id: UUID) -> None:
        """End an upload; what it brought and no version has is collected in time."""
        self._do("DELETE", self._upload_path(name, upload_id))

    def register_files(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        *,
        upload_id: UUID | None = None,
    ) -> Registration:
        """Register files that the registry has as a version; then its checks are run."""
        path = self._model_path(name, "/versions")
        body: dict[str, Any] = {"files": files, "version": new, "upload_id": upload_id}
        return self._write(Registration, "POST", path, body)

    def _keep_version(
        self,
        name: str,
        path: Path,
        new: NewVersion,
        actor: Actor | None,
        progress: Progress | None,
        *,
        judge: bool,  # noqa: ARG002 -- the service always does
    ) -> Registration:
        only_in_process(actor=actor)
        sending = ClientUpload(path, progress)
        for _ in range(_TRIES - 1):
            with suppress(BytesMissingError):  # they were collected since
                return self._sent_and_registered(name, sending, new)
        return self._sent_and_registered(name, sending, new)

    def _sent_and_registered(
        self, name: str, sending: ClientUpload, new: NewVersion
    ) -> Registration:
        begun = self.begin_upload(name, sending.wanted)
        self._send(name, begun, sending)
        return self.register_files(name, sending.files, new, upload_id=begun.upload_id)

    def _send(self, name: str, begun: UploadSession, sending: ClientUpload) -> None:
        files = self._upload_path(name, begun.upload_id, "/files")

        def send(file: UploadFile) -> None:
            signed = file.url if file.size <= _LARGEST_PUT else None
            target = signed or f"{files}/{file.digest}"
            self._connection.put(target, lambda: sending.content(file.digest), file.size)

        sending.each(begun.missing, send)

    def _upload_path(self, name: str, upload_id: UUID, tail: str = "") -> str:
        return self._model_path(name, f"/uploads/{upload_id}{tail}")
