"""Registration of versions."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.client_upload import ClientUpload
from pedigree.artifacts.records import Digest, ManifestFile, UploadFile, UploadSession
from pedigree.audit.records import Actor
from pedigree.catalog.records import NewVersion, Registration
from pedigree.catalog.register import Registering
from pedigree.client.service import Service, only_in_process
from pedigree.contract import paths
from pedigree.contract.forms import MOST_SENT_BYTES
from pedigree.contract.paths import fill
from pedigree.contract.registration import RegistrationContract
from pedigree.contract.uploads import UploadContract
from pedigree.errors import BytesMissingError
from pedigree.settings import Settings

# S3's limit for one request to a presigned URL; larger files go to the service.
_LARGEST_PUT = 5 << 30
# Asking whether the registry has so few bytes takes longer than sending them.
_SENT_UNASKED = 64 << 10
# How often bytes may be collected between their upload and the registration.
_TRIES = 3


class RemoteRegistration(Registering, RegistrationContract):
    """Registration of versions."""

    def __init__(self, service: Service, uploads: UploadContract) -> None:
        self._service = service
        self._uploads = uploads

    @property
    def _settings(self) -> Settings:
        return self._service.settings

    def register_files(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        *,
        upload_id: UUID | None = None,
    ) -> Registration:
        path = self._service.model_path(paths.VERSIONS, name)
        body: dict[str, Any] = {"files": files, "version": new, "upload_id": upload_id}
        return self._service.write(Registration, "POST", path, body)

    def _require_permission(self, name: str) -> None:
        """Do nothing: the service checks the permission."""

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
        upload = ClientUpload(path, progress)
        for _ in range(_TRIES - 1):
            with suppress(BytesMissingError):  # they were collected in the meantime
                return self._send_and_register(name, upload, new)
        return self._send_and_register(name, upload, new)

    def _send_and_register(self, name: str, upload: ClientUpload, new: NewVersion) -> Registration:
        """Register the files in one request, unless the registry lacks many bytes."""
        missing: Sequence[Digest] = [file.digest for file in upload.wanted]
        if upload.size_of(missing) > _SENT_UNASKED:
            try:
                return self.register_files(name, upload.files, new)
            except BytesMissingError as error:
                missing = error.digests
        if upload.size_of(missing) <= MOST_SENT_BYTES:
            path = self._service.model_path(paths.VERSIONS, name)
            body = {"files": upload.files, "version": new}
            return self._service.write_form(Registration, path, body, upload.contents(missing))
        begun = self._uploads.begin_upload(name, upload.wanted)
        self._send(name, begun, upload)
        return self.register_files(name, upload.files, new, upload_id=begun.upload_id)

    def _send(self, name: str, begun: UploadSession, upload: ClientUpload) -> None:
        def send(file: UploadFile) -> None:
            signed = file.url if file.size <= _LARGEST_PUT else None
            target = signed or fill(
                paths.UPLOAD_FILE, name=name, upload_id=begun.upload_id, digest=file.digest
            )
            self._service.connection.put(target, lambda: upload.content(file.digest), file.size)

        upload.each(begun.missing, send)
