"""Registration of versions."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.client_upload import ClientUpload
from pedigree.artifacts.records import Digest, ManifestFile
from pedigree.audit.records import Actor
from pedigree.catalog.records import NewVersion, Registration
from pedigree.catalog.register import Registering
from pedigree.client.sent_files import send_files
from pedigree.client.service import Service, only_in_process
from pedigree.contract import paths
from pedigree.contract.forms import MOST_SENT_BYTES
from pedigree.contract.registration import RegistrationContract
from pedigree.contract.uploads import UploadContract
from pedigree.errors import BytesMissingError, CorruptionError
from pedigree.settings import Settings

# To ask whether the registry has this few bytes takes longer than to send them.
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
        wanted = [file.digest for file in upload.wanted]
        needed: Sequence[Digest] = wanted
        if upload.size_of(wanted) > _SENT_UNASKED:
            try:
                return self.register_files(name, upload.files, new)
            except BytesMissingError as error:
                needed = error.digests
            except CorruptionError as error:
                needed = [_lost(error, wanted)]
        path = self._service.model_path(paths.VERSIONS, name)
        body = {"files": upload.files, "version": new}
        while upload.size_of(needed) <= MOST_SENT_BYTES:
            try:
                return self._service.write_form(Registration, path, body, upload.contents(needed))
            except CorruptionError as error:
                needed = [*needed, _lost(error, frozenset(wanted) - frozenset(needed))]
        return self._upload_and_register(name, upload, new, needed)

    def _upload_and_register(
        self, name: str, upload: ClientUpload, new: NewVersion, needed: Collection[Digest]
    ) -> Registration:
        begun = self._uploads.begin_upload(name, upload.wanted)
        files = {file.digest: file for file in begun.files}
        sent = {file.digest for file in begun.missing}.union(needed)
        send_files(self._service, name, begun, [files[digest] for digest in sent], upload)
        while True:
            try:
                return self.register_files(name, upload.files, new, upload_id=begun.upload_id)
            except CorruptionError as error:
                lost = _lost(error, files.keys() - sent)
                send_files(self._service, name, begun, [files[lost]], upload)
                sent.add(lost)


def _lost(error: CorruptionError, unsent: Collection[Digest]) -> Digest:
    """Return the file that the store lost, if this process has it and has not sent it yet."""
    digest = str(error.value)
    if digest not in unsent:
        raise error
    return digest
