"""Registration of versions."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID

from pedigree.access.records import Permission
from pedigree.artifacts import sessions
from pedigree.artifacts._progress import Progress
from pedigree.artifacts.assemble import list_files, seal_listed
from pedigree.artifacts.publish import discard, publish
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.artifacts.store import BlobCollectedError, retry_if_collected, seal
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.metadata import validated
from pedigree.catalog.names import validate_name
from pedigree.catalog.records import NewVersion, Registration
from pedigree.catalog.references import Reference
from pedigree.catalog.register import Registering
from pedigree.catalog.versions import Registered, register_manifest
from pedigree.contract.registration import RegistrationContract
from pedigree.errors import RefusedError
from pedigree.flavors.plugins import get_flavor
from pedigree.lifecycle.check_queue import await_judgement
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.pending_checks import PendingCheckOperations
from pedigree.registry.uploads import UploadOperations
from pedigree.settings import Settings


class RegistrationOperations(Registering, RegistrationContract):
    """Registration of versions."""

    def __init__(
        self, context: Context, uploads: UploadOperations, pending_checks: PendingCheckOperations
    ) -> None:
        self._context = context
        self._uploads = uploads
        self._pending_checks = pending_checks

    @property
    def _settings(self) -> Settings:
        return self._context.settings

    def register_files(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        *,
        upload_id: UUID | None = None,
    ) -> Registration:
        return self.register_sent(name, files, new, {}, upload_id=upload_id)

    def register_sent(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        contents: Mapping[Digest, bytes],
        *,
        upload_id: UUID | None = None,
    ) -> Registration:
        """Register files as :meth:`register_files` does, of which the caller sends some now.

        Args:
            name: The registered model, created if it is new.
            files: The version's files.
            new: The version's metadata.
            contents: The bytes that the caller sends, by their digests.
            upload_id: The upload that brought others, which this ends.

        Raises:
            InvalidArtifactError: The bytes are not those of a listed file.
        """
        manifest = self.require_bytes(name, files, new, upload_id, contents)
        actor, digests = self._context.actor(), {file.digest for file in files} - contents.keys()

        def write(transaction: Transaction) -> Registration:
            self._uploads.require_possession(transaction, digests, name, upload_id)
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

        registration = self._context.database.transaction(write)
        version = registration.version
        self._context.on_commit(lambda: self._pending_checks.judge_new(version.reference, version))
        return registration

    def require_bytes(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        upload_id: UUID | None,
        contents: Mapping[Digest, bytes],
    ) -> Manifest:
        """Require that a list of files can become a version, and store the bytes that it lacks.

        Returns:
            The manifest of the files.

        Raises:
            InvalidInputError: The name, flavor, list, metadata or a content is wrong.
            BytesMissingError: The registry lacks some of the files.
            CorruptionError: The store lost some of them.
        """
        self._context.require(Permission.REGISTER, name)
        validate_name(name)
        get_flavor(validated(new.metadata).flavor)
        manifest = list_files(new.metadata.flavor, new.metadata.signature, files)
        self._uploads.require_bytes(name, files, upload_id, contents)
        return manifest

    def _require_permission(self, name: str) -> None:
        self._context.require(Permission.REGISTER, name)

    def _keep_version(
        self,
        name: str,
        path: Path,
        new: NewVersion,
        actor: Actor | None,
        progress: Progress | None,
        *,
        judge: bool,
    ) -> Registration:
        actor = actor or self._context.actor()
        write = partial(
            self._publish_and_write, name, path, new, actor=actor, progress=progress, judge=judge
        )
        return retry_if_collected(write)

    def _publish_and_write(
        self,
        name: str,
        path: Path,
        new: NewVersion,
        *,
        actor: Actor,
        progress: Progress | None,
        judge: bool,
    ) -> Registration:
        publication = publish(
            self._context.database,
            self._context.store,
            path,
            new.metadata.flavor,
            new.metadata.signature,
            progress=progress,
        )

        def write(transaction: Transaction) -> Registered:
            seal(transaction, publication)
            done = register_manifest(transaction, name, publication.manifest, new, actor)
            if judge:
                await_judgement(transaction, name, done.version)
            return done

        try:
            done = self._context.database.transaction(write, pipelined=True)
        except (RefusedError, BlobCollectedError):
            discard(self._context.database, self._context.store, publication)
            raise
        if judge:
            self._pending_checks.judge_new(f"{name}/{done.version}")
        # Read after the model's lock is released, because other registrations wait for it.
        reference = Reference(name=name, version=done.version)
        version = self._context.database.read(
            lambda connection: lookups.find_version(connection, reference)
        )
        return Registration(
            version=version,
            created=done.created,
            training_id=done.training_id,
            notice=done.notice,
        )
