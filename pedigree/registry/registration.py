"""Registration of versions."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID

from pedigree.access.records import Permission
from pedigree.artifacts._ingest import held
from pedigree.artifacts._progress import Progress
from pedigree.artifacts.assemble import list_files, require_listed
from pedigree.artifacts.content_upload import ContentUpload
from pedigree.artifacts.publish import discard, publish
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.artifacts.store import BlobCollectedError, retry_if_collected
from pedigree.audit.records import Actor
from pedigree.catalog.creation import Supply
from pedigree.catalog.creation_calls import Created
from pedigree.catalog.creation_look import Look
from pedigree.catalog.draft import WantedVersion
from pedigree.catalog.kept_answers import KeptRequest
from pedigree.catalog.metadata import validated
from pedigree.catalog.names import validate_name
from pedigree.catalog.records import NewVersion, Registration
from pedigree.catalog.register import Registering
from pedigree.catalog.restored_bytes import restored_by
from pedigree.contract.registration import RegistrationContract
from pedigree.errors import RefusedError
from pedigree.flavors.plugins import get_flavor
from pedigree.registry.context import Context
from pedigree.registry.uploads import UploadOperations
from pedigree.registry.version_creator import VersionCreator
from pedigree.settings import Settings


class RegistrationOperations(Registering, RegistrationContract):
    """Registration of versions."""

    def __init__(
        self, context: Context, uploads: UploadOperations, creator: VersionCreator
    ) -> None:
        self._context = context
        self._uploads = uploads
        self._creator = creator

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
        return self.create(name, files, new, {}, upload_id=upload_id).new()

    def create(
        self,
        name: str,
        files: Sequence[ManifestFile],
        new: NewVersion,
        contents: Mapping[Digest, bytes],
        *,
        upload_id: UUID | None = None,
        request: KeptRequest | None = None,
    ) -> Created:
        """Register files as :meth:`register_files` does, once for each key of a request.

        Args:
            name: The registered model, created if it is new.
            files: The version's files.
            new: The version's metadata.
            contents: The bytes of some of the files, which the caller sends now.
            upload_id: The upload that brought others, which this ends.
            request: The request, if it has a key.

        Raises:
            InvalidInputError: The name, flavor, list, metadata or a content is wrong; nothing was
                written.
            BytesMissingError: The registry lacks some of the files.
            CorruptionError: The store lost some of them.
            NameTakenError: The name exists in another case or character form, or was deleted.
            RequestInFlightError: A request with the key is in progress.
        """
        self._context.require(Permission.REGISTER, name)
        validate_name(name)
        get_flavor(validated(new.metadata).flavor)
        manifest = list_files(new.metadata.flavor, new.metadata.signature, files)
        require_listed(files, contents)
        wanted = WantedVersion(
            name=name,
            manifest=manifest,
            new=new,
            actor=self._context.actor(),
            session=upload_id,
            request=request,
            is_listed=True,
        )

        def require(seen: Look) -> None:
            self._uploads.require_files(name, manifest, seen, upload_id, contents)

        proves = not self._context.reads_store
        return self._create(wanted, contents, require, judge=True, proves=proves)

    def _create(
        self,
        wanted: WantedVersion,
        contents: Mapping[Digest, bytes],
        require: Callable[[Look], None],
        *,
        judge: bool,
        proves: bool = False,
    ) -> Created:
        """Register files, of which this process has some in memory and the registry the others."""
        database, store = self._context.database, self._context.store
        record = restored_by(wanted.actor)

        def create() -> Created:
            with ContentUpload(database, store, contents, record) as upload:

                def supply(seen: Look) -> Supply:
                    require(seen)
                    self._context.require_objects(seen.live.values(), upload.store_again)
                    done = upload.store(seen.live.keys())
                    # The registry's own object of other contents is still to be read.
                    proved = frozenset(each.blob.digest for each in done.stored)
                    return Supply(done.block_id, done.stored, proved)

                return self._creator.create(wanted, supply, judge=judge, proves=proves)

        return retry_if_collected(create)

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
        actor = self._context.actor(actor)
        found = held(path, progress)
        if found is None:
            write = partial(self._publish_and_write, name, path, new, actor, progress, judge=judge)
            return retry_if_collected(write)
        metadata, files = new.metadata, found.files
        manifest = Manifest(flavor=metadata.flavor, signature=metadata.signature, files=files)

        def require(seen: Look) -> None:
            self._context.require_store(tuple(seen.live.values()))

        wanted = WantedVersion(name=name, manifest=manifest, new=new, actor=actor)
        return self._create(wanted, found.contents, require, judge=judge).new()

    def _publish_and_write(
        self,
        name: str,
        path: Path,
        new: NewVersion,
        actor: Actor,
        progress: Progress | None,
        *,
        judge: bool,
    ) -> Registration:
        publication = publish(
            self._context.database,
            self._context.store,
            path,
            new.metadata.flavor,
            new.metadata.signature,
            progress=progress,
            record=restored_by(actor),
        )
        supply = Supply(publication.upload_id, publication.stored)
        wanted = WantedVersion(name=name, manifest=publication.manifest, new=new, actor=actor)
        try:
            created = self._creator.create(wanted, lambda _: supply, judge=judge)
        except (RefusedError, BlobCollectedError):
            discard(self._context.database, self._context.store, publication)
            raise
        return created.new()
