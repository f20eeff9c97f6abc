"""Uploads: files that are sent one by one before the version that they make."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from pedigree.access.records import Permission
from pedigree.artifacts import sessions
from pedigree.artifacts.assemble import bytes_missing
from pedigree.artifacts.blob_upload import BlobSource, content_source, upload_blob
from pedigree.artifacts.records import (
    Digest,
    Manifest,
    UploadFile,
    UploadSession,
    WantedFile,
)
from pedigree.catalog.blob_access import readable_blobs
from pedigree.catalog.names import validate_name
from pedigree.contract.uploads import UploadContract
from pedigree.errors import UploadNotFoundError
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class UploadOperations(ContextGroup, UploadContract):
    """Uploads: files that are sent one by one before the version that they make."""

    def begin_upload(self, name: str, files: Sequence[WantedFile]) -> UploadSession:
        self._context.require(Permission.REGISTER, name)
        validate_name(name)
        upload_id = uuid4()
        begun = self._context.database.transaction(
            lambda transaction: self._as_seen(
                transaction, sessions.begin_session(transaction, upload_id, name, files)
            )
        )
        return sessions.with_urls(self._context.database, self._context.store, begun)

    def upload(self, name: str, upload_id: UUID) -> UploadSession:
        return sessions.with_urls(
            self._context.database, self._context.store, self._session(name, upload_id)
        )

    def end_upload(self, name: str, upload_id: UUID) -> None:
        self._context.require(Permission.REGISTER, name)
        self._context.database.transaction(
            lambda transaction: sessions.end_session(transaction, upload_id, name)
        )

    def wanted_file(self, name: str, upload_id: UUID, digest: Digest) -> UploadFile:
        """Return a file of an upload.

        Raises:
            UploadNotFoundError: No such upload is under way, or it is not for this file.
        """
        return _file_of(self._session(name, upload_id), digest)

    def keep_file(self, upload_id: UUID, file: UploadFile, received: Path) -> None:
        """Keep a file of an upload; one that is there already is left alone.

        Args:
            upload_id: The upload.
            file: The file, as :meth:`wanted_file` gave it.
            received: Its bytes, hashed already, in a file named by a UUID.

        Raises:
            InvalidArtifactError: They are other bytes than the digest says.
        """
        sessions.keep_received(
            self._context.database, self._context.store, upload_id, file, received
        )

    def keep_content(self, name: str, upload_id: UUID, digest: Digest, content: bytes) -> None:
        """Keep a file of an upload that was received whole; one that is there is left alone.

        Raises:
            UploadNotFoundError: No such upload is under way, or it is not for this file.
            InvalidArtifactError: They are other bytes than the digest says.
        """
        self._context.require(Permission.REGISTER, name)
        source = content_source(self._context.store, content)

        def begin(transaction: Transaction) -> BlobSource | None:
            found = sessions.session(transaction, upload_id, name)
            file = _file_of(self._as_seen(transaction, found), digest)
            if file.stored:
                return None
            sessions.require_content(file, source.blob)
            return source

        upload_blob(
            self._context.database,
            self._context.store,
            begin,
            lambda transaction: sessions.note_received(transaction, upload_id, digest),
        )

    def fetch_uploaded(self, name: str, upload_id: UUID) -> None:
        """Take over what was put by signed URLs, hashed on the way; an ended upload has nothing.

        Raises:
            InvalidArtifactError: What was put are other bytes than the digest says.
        """
        if self._context.store.is_local:
            return  # nobody has a URL to put anything into a folder
        with suppress(UploadNotFoundError):
            for file in self._session(name, upload_id).missing:
                sessions.fetch_staged(self._context.database, self._context.store, upload_id, file)

    def _session(self, name: str, upload_id: UUID) -> UploadSession:
        self._context.require(Permission.REGISTER, name)
        return self._context.database.transaction(
            lambda transaction: self._as_seen(
                transaction, sessions.session(transaction, upload_id, name)
            )
        )

    def _as_seen(self, transaction: Transaction, found: UploadSession) -> UploadSession:
        """Return an upload in which only those files are stored whose bytes its caller has."""
        unproved = {file.digest for file in found.files if file.stored and not file.received}
        others = self._others(transaction, unproved)
        files = tuple(
            file.model_copy(update={"stored": False}) if file.digest in others else file
            for file in found.files
        )
        return found.model_copy(update={"files": files})

    def _others(self, transaction: Transaction, digests: Collection[Digest]) -> frozenset[Digest]:
        """Return those of some digests whose bytes the caller has nowhere to read."""
        if self._context.readable_models is None:
            return frozenset()
        return frozenset(digests) - readable_blobs(
            transaction, digests, self._context.readable_models
        )

    def require_possession(
        self, transaction: Transaction, manifest: Manifest, name: str, upload_id: UUID | None
    ) -> None:
        """Refuse a list of files whose bytes the caller has neither sent nor may read.

        Raises:
            BytesMissingError: There are such files.
        """
        if self._context.readable_models is None:
            return
        unproved = {file.digest for file in manifest.files}
        if upload_id:
            unproved -= sessions.received_files(transaction, upload_id, name)
        if others := self._others(transaction, unproved):
            raise bytes_missing(others)


def _file_of(upload: UploadSession, digest: Digest) -> UploadFile:
    for file in upload.files:
        if file.digest == digest:
            return file
    raise UploadNotFoundError(
        "the upload is not for this file",
        field="digest",
        value=digest,
        remedy="Begin an upload that lists it",
    )
