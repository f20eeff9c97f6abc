"""Versions whose bytes come later, or never: those of the MLflow protocol and of imports."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from pedigree.access.records import Permission
from pedigree.artifacts._progress import Progress
from pedigree.artifacts.assemble import list_files
from pedigree.artifacts.publish import discard, publish
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.artifacts.store import BlobCollectedError, retry_if_collected
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.creation import Supply
from pedigree.catalog.creation_calls import Created, look
from pedigree.catalog.creation_look import Look
from pedigree.catalog.draft import WantedVersion
from pedigree.catalog.kept_answers import KeptRequest
from pedigree.catalog.names import validate_name
from pedigree.catalog.records import (
    ModelVersion,
    SourcedVersion,
    StatedVersion,
    VersionSource,
)
from pedigree.catalog.references import parse_reference
from pedigree.catalog.restored_bytes import restored_by
from pedigree.catalog.sealing import Sealing, already_sealed, fail
from pedigree.catalog.version_source import source_of_version, with_pseudonyms
from pedigree.contract.sealing import SealingContract
from pedigree.errors import RefusedError
from pedigree.lifecycle.records import Verdict
from pedigree.registry.context import Context
from pedigree.registry.new_bytes import give_bytes, sealing_of, stated_of
from pedigree.registry.pending_checks import PendingCheckOperations
from pedigree.registry.source_sealing import SourceSealing
from pedigree.registry.uploads import UploadOperations
from pedigree.registry.version_creator import STAGES, VersionCreator
from pedigree.signatures.records import Signature
from pedigree.sources.mlmodel import StatedModel, stated_model


class SealingOperations(SealingContract):
    """Versions without a digest: create them, give them their bytes, or let them fail."""

    def __init__(
        self,
        context: Context,
        uploads: UploadOperations,
        creator: VersionCreator,
        pending_checks: PendingCheckOperations,
        source_sealing: SourceSealing,
    ) -> None:
        self._context = context
        self._source_sealing = source_sealing
        self._uploads = uploads
        self._creator = creator
        self._pending_checks = pending_checks

    def create(
        self,
        name: str,
        new: SourcedVersion,
        manifest: Manifest | None = None,
        supply: Callable[[Look], Supply] = lambda _: Supply(),
        *,
        actor: Actor | None = None,
        request: KeptRequest | None = None,
    ) -> Created:
        """Create a version of another protocol or of an import, which always has a new number.

        Without a manifest it has no digest: it is pending or by reference, as ``new`` says. With
        one it is sealed, and bytes that another version has get the next copy.

        Args:
            name: The model, which must exist.
            new: What is known of it; nothing is completed.
            manifest: Its files, if the registry has their bytes, or the supply brings them.
            supply: Brings the bytes that a look does not find.
            actor: Who creates it.
            request: The request, if it has a key.

        Raises:
            ModelNotFoundError: There is no such model.
            BytesMissingError: The registry lacks some of the files.
            NotPermittedError: The user may not register versions of it.
        """
        self._context.require(Permission.REGISTER, validate_name(name))
        source = with_pseudonyms(new.source, self._context.names.pseudonyms)
        wanted = WantedVersion(
            name=name,
            manifest=manifest,
            new=new.model_copy(update={"source": source}),
            actor=self._context.actor(actor),
            request=request,
            is_listed=True,
        )
        return self._creator.create(wanted, supply, judge=True)

    def source(self, reference: str) -> VersionSource | None:
        """Return where a version comes from; None if our own ``register`` made it.

        Raises:
            NotFoundError: There is no such version.
        """
        return self._context.read_version(reference, source_of_version)

    def fail(self, reference: str, reason: str, *, actor: Actor | None = None) -> ModelVersion:
        """Say why a pending version will have no bytes; a failed one stays as it is.

        Raises:
            NotFoundError: There is no such version.
            AlreadySealedError: It has a digest.
            NotSealedError: It is by reference.
        """
        version = self._found(reference)
        fail(self._context.database, version, reason, self._context.actor(actor))
        return self._found(version.reference)

    def seal(
        self,
        reference: str,
        path: Path | str | None = None,
        *,
        flavor: str | None = None,
        progress: Progress | None = None,
    ) -> ModelVersion:
        version = self._found(reference)
        if path is not None:
            stated = stated_of(version, stated_model(Path(path)), flavor)
            return self._seal_path(version, Path(path), stated, progress=progress)
        if version.digest is not None:
            return version
        source = self.source(version.reference)
        with self._source_sealing.bytes_of(version, source, flavor) as found:
            if isinstance(found, Manifest):
                return self.seal_known(version.reference, found)
            return self._seal_path(version, found.folder, found.stated, progress=progress)

    def seal_path(
        self,
        reference: str,
        path: Path | str,
        stated: StatedVersion,
        *,
        verdicts: Sequence[Verdict] = (),
        actor: Actor | None = None,
    ) -> ModelVersion:
        """Give a version the bytes at a path, of which the caller knows more than their files say.

        Args:
            reference: The version.
            path: A file or a folder of this machine.
            stated: Its flavor and signature, and its training if none was known.
            verdicts: What checks found on exactly these bytes.
            actor: Who does so.

        Raises:
            NotFoundError: There is no such version.
            AlreadySealedError: It has other bytes.
            InvalidArtifactError: The path is not acceptable.
        """
        version = self._found(reference)
        return self._seal_path(version, Path(path), stated, verdicts=verdicts, actor=actor)

    def seal_files(
        self,
        reference: str,
        files: Sequence[ManifestFile],
        *,
        flavor: str | None = None,
        signature: Signature | None = None,
        upload_id: UUID | None = None,
    ) -> ModelVersion:
        version = self._found(reference)
        stated = stated_of(version, StatedModel(signature=signature), flavor)
        manifest = list_files(stated.metadata.flavor, stated.metadata.signature, files)
        self._require_files(version, manifest, stated, upload_id)
        sealed = self.seal_known(reference, manifest, stated)
        if upload_id is not None:
            self._uploads.end_upload(version.model_name, upload_id)
        return sealed

    def _require_files(
        self,
        version: ModelVersion,
        manifest: Manifest,
        stated: StatedVersion,
        upload_id: UUID | None,
    ) -> None:
        """Require that the caller sent the files, or may read versions that have them."""
        name = version.model_name
        wanted = WantedVersion(
            name=name,
            manifest=manifest,
            new=stated,
            actor=self._context.actor(),
            session=upload_id,
        )
        proves = not self._context.reads_store
        seen = look(self._context.database, wanted, STAGES, proves=proves)
        if isinstance(seen, Look):  # a request with a key alone has another answer
            self._uploads.require_files(name, manifest, seen, upload_id, {})

    def _seal_path(
        self,
        version: ModelVersion,
        path: Path,
        stated: StatedVersion,
        *,
        verdicts: Sequence[Verdict] = (),
        actor: Actor | None = None,
        progress: Progress | None = None,
    ) -> ModelVersion:
        by = self._context.actor(actor)

        def write() -> ModelVersion:
            publication = publish(
                self._context.database,
                self._context.store,
                path,
                stated.metadata.flavor,
                stated.metadata.signature,
                progress=progress,
                record=restored_by(by),
            )
            supply = Supply(publication.upload_id, publication.stored)
            sealing = sealing_of(version, publication.manifest, stated, by, verdicts)
            try:
                return self._seal(sealing, supply)
            except (RefusedError, BlobCollectedError):
                discard(self._context.database, self._context.store, publication)
                raise

        return retry_if_collected(write)

    def seal_known(
        self,
        reference: str,
        manifest: Manifest,
        stated: StatedVersion | None = None,
        *,
        verdicts: Sequence[Verdict] = (),
        actor: Actor | None = None,
    ) -> ModelVersion:
        """Give a version bytes that the registry has.

        Args:
            reference: The version.
            manifest: Its files, with its flavor and signature.
            stated: What is known of its training, if none was known.
            verdicts: What checks found on exactly these bytes.
            actor: Who does so.

        Raises:
            NotFoundError: There is no such version.
            AlreadySealedError: It has other bytes.
            BytesMissingError: The registry lacks some of the files.
        """
        version, by = self._found(reference), self._context.actor(actor)
        sealing = sealing_of(version, manifest, stated, by, verdicts)
        return self._seal(replace(sealing, is_listed=True), Supply())

    def _found(self, reference: str) -> ModelVersion:
        parsed = parse_reference(reference)
        self._context.require(Permission.REGISTER, parsed.name)
        return self._context.database.read(
            lambda transaction: lookups.find_version(transaction, parsed)
        )

    def _seal(self, sealing: Sealing, supply: Supply) -> ModelVersion:
        reference, digest = sealing.version.reference, sealing.version.digest
        if digest is not None and digest != sealing.manifest.digest:
            raise already_sealed(reference, digest)
        give_bytes(self._context.database, sealing, supply)
        sealed = self._found(reference)
        self._context.on_commit(lambda: self._pending_checks.judge_new(reference, sealed))
        return self._found(reference)
