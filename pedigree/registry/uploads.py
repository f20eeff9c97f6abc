"""Versions whose bytes come from elsewhere: uploaded file by file, then registered by digest."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from pedigree.artifacts import sessions
from pedigree.artifacts.assemble import bytes_missing, list_files, seal_listed
from pedigree.artifacts.blob_upload import BlobUpload, PendingBlob
from pedigree.artifacts.records import (
    Digest,
    Manifest,
    ManifestFile,
    UploadFile,
    UploadSession,
    WantedFile,
    digest_of,
)
from pedigree.artifacts.store import retry_if_collected
from pedigree.catalog import lookups
from pedigree.catalog.blob_access import readable_blobs
from pedigree.catalog.metadata import validated
from pedigree.catalog.names import validate_name
from pedigree.catalog.records import NewVersion, Registration
from pedigree.catalog.references import Reference
from pedigree.catalog.versions import register_manifest
from pedigree.errors import UploadNotFoundError
from pedigree.flavors.plugins import get_flavor
from pedigree.lifecycle.check_queue import await_judgement
from pedigree.postgres.transaction import Transaction
from pedigree.registry.pending_checks import NewcomerOperations


class UploadOperations(NewcomerOperations):
    """Verbs for uploads, and for versions of files that are there."""

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
        validate_name(name)
        upload_id = uuid4()
        begun = self.database.transaction(
            lambda transaction: self._as_seen(
                transaction, sessions.begin_session(transaction, upload_id, name, files)
            )
        )
        return sessions.with_urls(self.database, self.store, begun)

    def upload(self, name: str, upload_id: UUID) -> UploadSession:
        """Return an upload that is under way: what is still missing, and where to put it.

        Raises:
            UploadNotFoundError: None of that id is under way for the model.
        """
        return sessions.with_urls(self.database, self.store, self._session(name, upload_id))

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
        sessions.keep_received(self.database, self.store, upload_id, file, received)

    def keep_content(self, name: str, upload_id: UUID, digest: Digest, content: bytes) -> None:
        """Keep a file of an upload that was received whole; one that is there is left alone.

        Raises:
            UploadNotFoundError: No such upload is under way, or it is not for this file.
            InvalidArtifactError: They are other bytes than the digest says.
        """
        received = digest_of(content)

        def bring() -> None:
            with BlobUpload(self.database, self.store) as bringing:

                def announce(transaction: Transaction) -> bool:
                    found = sessions.session(transaction, upload_id, name)
                    file = _file_of(self._as_seen(transaction, found), digest)
                    if not file.stored:
                        sessions.require_content(file, len(content), received)
                        bringing.announce(transaction, PendingBlob(digest, file.size))
                    return not file.stored

                def keep(transaction: Transaction) -> None:
                    bringing.make_live(transaction)
                    sessions.note_received(transaction, upload_id, digest)

                if self.database.transaction(announce, pipelined=True):
                    bringing.put(lambda key: self.store.put(key, content))
                    self.database.transaction(keep, pipelined=True)
                    bringing.hand_over()

        retry_if_collected(bring)

    def fetch_uploaded(self, name: str, upload_id: UUID) -> None:
        """Take over what was put by signed URLs, hashed on the way; an ended upload has nothing.

        Raises:
            InvalidArtifactError: What was put are other bytes than the digest says.
        """
        if self.store.is_local:
            return  # nobody has a URL to put anything into a folder
        with suppress(UploadNotFoundError):
            for file in self._session(name, upload_id).missing:
                sessions.fetch_staged(self.database, self.store, upload_id, file)

    def end_upload(self, name: str, upload_id: UUID) -> None:
        """End an upload; what it brought and no version has is collected in time."""
        self.database.transaction(
            lambda transaction: sessions.end_session(transaction, upload_id, name)
        )

    def _session(self, name: str, upload_id: UUID) -> UploadSession:
        return self.database.transaction(
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
        if self._sees is None:
            return frozenset()
        return frozenset(digests) - readable_blobs(transaction, digests, self._sees)

    def _require_possession(
        self, transaction: Transaction, manifest: Manifest, name: str, upload_id: UUID | None
    ) -> None:
        if self._sees is None:
            return
        unproved = {file.digest for file in manifest.files}
        if upload_id:
            unproved -= sessions.received_files(transaction, upload_id, name)
        if others := self._others(transaction, unproved):
            raise bytes_missing(others)

    def register_files(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        *,
        upload_id: UUID | None = None,
    ) -> Registration:
        """Register files that the registry has as a version; then its checks are run.

        Those checks that need the asset graph leave it waiting for a run. Where this process ends
        before it has run the others, ``pedigree serve`` or the promotion sensor does so.

        Args:
            name: The registered model, created if it is new.
            files: What the version is made of.
            new: All about it.
            upload_id: The upload that brought them, which ends with this.

        Raises:
            InvalidInputError: The name, flavor, list or metadata is wrong; nothing was written.
            BytesMissingError: The registry lacks some of the files.
            NameTakenError: The name has a twin, or was deleted.
        """
        validate_name(name)
        get_flavor(validated(new.metadata).flavor)
        manifest = list_files(new.metadata.flavor, new.metadata.signature, files)
        actor = self.actor()

        def write(transaction: Transaction) -> Registration:
            self._require_possession(transaction, manifest, name, upload_id)
            seal_listed(transaction, manifest)
            if upload_id:
                sessions.end_session(transaction, upload_id, name)
            done = register_manifest(transaction, name, manifest, new, actor)
            await_judgement(transaction, name, done.version)
            reference = Reference(name=name, version=done.version)
            return Registration(
                version=lookups.find_version(transaction, reference),
                created=done.created,
                training_id=done.training_id,
                notice=done.notice,
            )

        registration = self.database.transaction(write)
        version = registration.version
        self._afterwards(lambda registry: registry._judge_new(version.reference, version))
        return registration


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
