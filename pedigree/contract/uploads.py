"""Uploads: the files of a version, sent one by one before its registration."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from pedigree.artifacts.records import UploadSession, WantedFile


class UploadContract(Protocol):
    """Uploads: the files of a version, sent one by one before its registration."""

    def begin_upload(self, name: str, files: Sequence[WantedFile]) -> UploadSession:
        """Begin an upload, and return which files the registry lacks and where to send them.

        A digest alone proves no access: unless a version that the caller may read has the file, it
        must be sent even if the registry has it. A file that is sent although it is there is stored
        again if the store lost it.

        Args:
            name: The model of the files; it need not exist yet.
            files: The files of the future version.

        Raises:
            InvalidNameError: The name breaks the naming rule.
        """

    def upload(self, name: str, upload_id: UUID) -> UploadSession:
        """Return an open upload: which files are still missing, and where to send them.

        Raises:
            UploadNotFoundError: The model has no open upload of that id.
        """

    def end_upload(self, name: str, upload_id: UUID) -> None:
        """End an upload; its files that no version uses are garbage-collected later."""
