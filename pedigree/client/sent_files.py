"""Send the files of an upload: to the store by signed URLs, else to the service."""

from collections.abc import Sequence

from pedigree.artifacts.client_upload import ClientUpload
from pedigree.artifacts.records import UploadFile, UploadSession
from pedigree.client.service import Service
from pedigree.contract import paths
from pedigree.contract.paths import fill

# S3's limit for one request to a presigned URL; larger files go to the service.
_LARGEST_PUT = 5 << 30


def send_files(
    service: Service,
    name: str,
    begun: UploadSession,
    files: Sequence[UploadFile],
    upload: ClientUpload,
) -> None:
    """Send some files of an upload of a model."""

    def send(file: UploadFile) -> None:
        signed = file.url if file.size <= _LARGEST_PUT else None
        target = signed or fill(
            paths.UPLOAD_FILE, name=name, upload_id=begun.upload_id, digest=file.digest
        )
        service.connection.put(target, lambda: upload.content(file.digest), file.size)

    upload.each(files, send)
