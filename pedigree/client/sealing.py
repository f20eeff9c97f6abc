"""Sealing: give a version that has no digest its bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.client_upload import ClientUpload
from pedigree.artifacts.records import ManifestFile
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_number
from pedigree.client.sent_files import send_files
from pedigree.client.service import Service
from pedigree.contract import paths
from pedigree.contract.sealing import SealingContract
from pedigree.contract.uploads import UploadContract
from pedigree.signatures.records import Signature
from pedigree.sources.mlmodel import stated_model


class RemoteSealing(SealingContract):
    """Sealing: give a version that has no digest its bytes."""

    def __init__(self, service: Service, uploads: UploadContract) -> None:
        self._service = service
        self._uploads = uploads

    def seal(
        self,
        reference: str,
        path: Path | str | None = None,
        *,
        flavor: str | None = None,
        progress: Progress | None = None,
    ) -> ModelVersion:
        if path is None:
            return self._post(reference, {"flavor": flavor})
        parsed, _ = parse_number(reference)
        upload = ClientUpload(Path(path), progress)
        begun = self._uploads.begin_upload(parsed.name, upload.wanted)
        found = stated_model(Path(path))
        send_files(self._service, parsed.name, begun, begun.missing, upload)
        return self.seal_files(
            reference,
            upload.files,
            flavor=flavor or found.flavor,
            signature=found.signature,
            upload_id=begun.upload_id,
        )

    def seal_files(
        self,
        reference: str,
        files: Sequence[ManifestFile],
        *,
        flavor: str | None = None,
        signature: Signature | None = None,
        upload_id: UUID | None = None,
    ) -> ModelVersion:
        return self._post(
            reference,
            {"files": files, "flavor": flavor, "signature": signature, "upload_id": upload_id},
        )

    def _post(self, reference: str, body: dict[str, Any]) -> ModelVersion:
        path = self._service.version_path(paths.SEAL, reference)
        return self._service.write(ModelVersion, "POST", path, body)
