"""Sealing: give a version that has no digest its bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.records import ManifestFile
from pedigree.catalog.records import ModelVersion
from pedigree.signatures.records import Signature


class SealingContract(Protocol):
    """Sealing: give a version that has no digest its bytes."""

    def seal(
        self,
        reference: str,
        path: Path | str | None = None,
        *,
        flavor: str | None = None,
        progress: Progress | None = None,
    ) -> ModelVersion:
        """Give a version its bytes, by which it gets a digest and keeps its number.

        A digest is final. Approvals that were given before become void, and checks run on the
        bytes. A flavor and a signature that are not known yet are read from an ``MLmodel`` file;
        what it does not say stays unknown.

        Args:
            reference: The version, such as ``churn/3``.
            path: A file or a folder; None: the registry fetches the bytes from the source.
            flavor: How to load it, if the version does not say it.
            progress: Called with the number of bytes read and the total.

        Raises:
            NotFoundError: There is no such version.
            AlreadySealedError: It has other bytes.
            InvalidArtifactError: The path is not acceptable.
            InvalidSourceError: The source is not one that the registry may fetch.
            SourceUnavailableError: The source does not answer now.
        """

    def seal_files(
        self,
        reference: str,
        files: Sequence[ManifestFile],
        *,
        flavor: str | None = None,
        signature: Signature | None = None,
        upload_id: UUID | None = None,
    ) -> ModelVersion:
        """Give a version files that the registry has or an upload brought.

        Args:
            reference: The version.
            files: The version's files.
            flavor: How to load it, if the version does not say it.
            signature: Its inputs and outputs, if the version does not say them.
            upload_id: The upload that brought them, which this ends.

        Raises:
            NotFoundError: There is no such version.
            AlreadySealedError: It has other bytes.
            BytesMissingError: The registry lacks some of the files.
        """
