"""Uploads: files that are sent one by one before the version that they make."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from pedigree.artifacts.records import UploadSession, WantedFile


class UploadContract(Protocol):
    """Uploads: files that are sent one by one before the version that they make."""

    def begin_upload(self, name: str, files: Sequence[WantedFile]) -> UploadSession:
        """Say which files the registry lacks, and where to put them.

        Who knows a digest has shown nothing: a file of which no version is that the caller may read
        is to be sent also where the registry has it.

        Args:
            name: The model that they are for; it need not exist yet.
            files: What its version will be made of.

        Raises:
            InvalidNameError: The name breaks the rule.
        """

    def upload(self, name: str, upload_id: UUID) -> UploadSession:
        """Return an upload that is under way: what is still missing, and where to put it.

        Raises:
            UploadNotFoundError: None of that id is under way for the model.
        """

    def end_upload(self, name: str, upload_id: UUID) -> None:
        """End an upload; what it brought and no version has is collected in time."""
