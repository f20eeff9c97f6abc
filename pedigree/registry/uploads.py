"""Uploads: the files of a version, sent one by one before its registration."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from pedigree.access.records import Permission
from pedigree.artifacts import sessions
from pedigree.artifacts.assemble import bytes_missing, require_sizes
from pedigree.artifacts.content_upload import upload_contents
from pedigree.artifacts.records import (
    Blob,
    Digest,
    Manifest,
    UploadFile,
    UploadSession,
    WantedFile,
    digest_of,
)
from pedigree.artifacts.store_health import is_lost
from pedigree.catalog.blob_access import readable_blobs
from pedigree.catalog.creation_look import Look
from pedigree.catalog.draft import digests_of
from pedigree.catalog.names import validate_name
from pedigree.catalog.restored_bytes import restored_by
from pedigree.contract.uploads import UploadContract
from pedigree.errors import UploadNotFoundError
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class UploadOperations(ContextGroup, UploadContract):
    """Uploads: the files of a version, sent one by one before its registration."""

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
        """Return a file of an upload; one that the store lost counts as missing.

        Raises:
            UploadNotFoundError: There is no such open upload, or it does not list this file.
            StoreUnavailableError: The store failed.
        """
        file = _file_of(self._session(name, upload_id), digest)
        if file.stored and is_lost(self._context.database, self._context.store, file.blob):
            return file.model_copy(update={"stored": False})
        return file

    def keep_file(self, upload_id: UUID, file: UploadFile, received: Path) -> None:
        """Store a file of an upload; a file that is already stored stays unchanged.

        Args:
            upload_id: The upload.
            file: The file, as :meth:`wanted_file` gave it.
            received: Its bytes, already hashed, in a file named by a UUID.

        Raises:
            InvalidArtifactError: The bytes do not match the digest.
        """
        sessions.keep_received(
            self._context.database,
            self._context.store,
            file,
            received,
            note=lambda transaction: sessions.note_received(transaction, upload_id, file.digest),
            record=restored_by(self._context.actor()),
        )

    def keep_content(self, name: str, upload_id: UUID, digest: Digest, content: bytes) -> None:
        """Store a file of an upload that is in memory; a file that is stored stays unchanged.

        Raises:
            UploadNotFoundError: There is no such open upload, or it does not list this file.
            InvalidArtifactError: The bytes do not match the digest.
        """
        self._context.require(Permission.REGISTER, name)
        database = self._context.database
        session = database.transaction(lambda tx: sessions.session(tx, upload_id, name))
        file = _file_of(session, digest)
        sessions.require_content(file, Blob(digest_of(content), len(content)))
        upload_contents(
            database,
            self._context.store,
            {digest: content},
            lambda transaction: sessions.note_received(transaction, upload_id, digest),
            restored_by(self._context.actor()),
        )

    def fetch_uploaded(self, name: str, upload_id: UUID) -> None:
        """Ingest the files that were sent to presigned URLs, and hash them on the way.

        An upload that has ended has no such files.

        Raises:
            InvalidArtifactError: The bytes of a file do not match its digest.
        """
        if self._context.store.is_local:
            return  # a folder has no presigned URLs
        with suppress(UploadNotFoundError):
            for file in self._session(name, upload_id).missing:
                sessions.fetch_staged(self._context.database, self._context.store, upload_id, file)

    def require_files(
        self,
        name: str,
        manifest: Manifest,
        seen: Look,
        upload_id: UUID | None,
        contents: Mapping[Digest, bytes],
    ) -> None:
        """Require that the caller sent the listed files or may read them, in their sizes.

        Args:
            name: The model.
            manifest: The files.
            seen: What the database knows about them.
            upload_id: The upload that brought some of them.
            contents: The bytes of some of them.

        Raises:
            BytesMissingError: The caller has neither sent a file nor may read it.
            InvalidArtifactError: A listed size differs from the size of the bytes.
        """
        digests, live = digests_of(manifest), seen.live.values()
        if missing := seen.missing(digests) - contents.keys():
            raise bytes_missing(missing)
        if self._context.is_limited and not self._context.reads_store:
            # The database has no idea of patterns.
            unsent = frozenset(digests) - contents.keys()
            self._context.database.read(
                lambda connection: self._require_possession(connection, unsent, name, upload_id)
            )
        sent = {digest: len(content) for digest, content in contents.items()}
        require_sizes(manifest, sent | {each.blob.digest: each.blob.size for each in live})

    def _session(self, name: str, upload_id: UUID) -> UploadSession:
        self._context.require(Permission.REGISTER, name)
        return self._context.database.transaction(
            lambda transaction: self._as_seen(
                transaction, sessions.session(transaction, upload_id, name)
            )
        )

    def _as_seen(self, transaction: Transaction, found: UploadSession) -> UploadSession:
        """Return an upload in which a file counts as stored only if the caller has its bytes."""
        unproved = {file.digest for file in found.files if file.stored and not file.received}
        unreadable = self._unreadable(transaction, unproved)
        files = tuple(
            file.model_copy(update={"stored": False}) if file.digest in unreadable else file
            for file in found.files
        )
        return found.model_copy(update={"files": files})

    def _unreadable(
        self, transaction: Transaction, digests: Collection[Digest]
    ) -> frozenset[Digest]:
        """Return the digests whose bytes the caller may not read."""
        if self._context.reads_store:
            return frozenset()
        may_read = self._context.may_read if self._context.is_limited else None
        return frozenset(digests) - readable_blobs(transaction, digests, may_read)

    def _require_possession(
        self,
        transaction: Transaction,
        digests: Collection[Digest],
        name: str,
        upload_id: UUID | None,
    ) -> None:
        """Refuse files whose bytes the caller has not sent and may not read.

        Raises:
            BytesMissingError: There are such files.
        """
        unproved = frozenset(digests)
        if upload_id:
            unproved -= sessions.received_files(transaction, upload_id, name)
        if unreadable := self._unreadable(transaction, unproved):
            raise bytes_missing(unreadable)


def _file_of(upload: UploadSession, digest: Digest) -> UploadFile:
    for file in upload.files:
        if file.digest == digest:
            return file
    raise UploadNotFoundError(
        "the upload does not list this file",
        field="digest",
        value=digest,
        remedy="Begin an upload that lists it",
    )
