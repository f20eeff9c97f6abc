"""Uploads: the files of a version, sent one by one before its registration."""

from collections.abc import Sequence
from uuid import UUID

from pedigree.artifacts.records import UploadSession, WantedFile
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.uploads import UploadContract


class RemoteUploads(ServiceGroup, UploadContract):
    """Uploads: the files of a version, sent one by one before its registration."""

    def begin_upload(self, name: str, files: Sequence[WantedFile]) -> UploadSession:
        path = self._service.model_path(paths.UPLOADS, name)
        return self._service.write(UploadSession, "POST", path, {"files": files})

    def upload(self, name: str, upload_id: UUID) -> UploadSession:
        return self._service.read(
            UploadSession, self._service.model_path(paths.UPLOAD, name, upload_id=upload_id)
        )

    def end_upload(self, name: str, upload_id: UUID) -> None:
        self._service.do(
            "DELETE", self._service.model_path(paths.UPLOAD, name, upload_id=upload_id)
        )
