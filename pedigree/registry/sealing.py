"""Versions whose bytes come later, or never: those of the MLflow protocol and of imports."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from pedigree.access.records import Permission
from pedigree.artifacts._progress import Progress
from pedigree.artifacts.publish import discard, publish
from pedigree.artifacts.records import Manifest
from pedigree.artifacts.store import BlobCollectedError, retry_if_collected
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.creation import Supply
from pedigree.catalog.creation_calls import Created, StaleLookError
from pedigree.catalog.creation_look import KnownVersion, Look
from pedigree.catalog.draft import WantedVersion
from pedigree.catalog.kept_answers import KeptRequest
from pedigree.catalog.names import validate_name
from pedigree.catalog.quarantine import quarantines_of
from pedigree.catalog.quarantine_marks import NewMarks
from pedigree.catalog.records import ModelVersion, SourcedVersion, StatedVersion, VersionSource
from pedigree.catalog.references import parse_reference
from pedigree.catalog.restored_bytes import restored_by
from pedigree.catalog.sealing import Sealing, already_sealed, fail, seal
from pedigree.catalog.version_source import source_of
from pedigree.errors import DatabaseBusyError, RefusedError
from pedigree.lifecycle.check_queue import LEASE
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.records import Verdict
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.pending_checks import PendingCheckOperations
from pedigree.registry.version_creator import VersionCreator

# Quarantines of data change rarely.
_TRIES = 5
_JUDGED_AFTER = f"{LEASE.total_seconds()} s"


class SealingOperations:
    """Versions without a digest: create them, give them their bytes, or let them fail."""

    def __init__(
        self, context: Context, creator: VersionCreator, pending_checks: PendingCheckOperations
    ) -> None:
        self._context = context
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
        wanted = WantedVersion(
            name=name,
            manifest=manifest,
            new=new,
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
        return self._context.read_version(
            reference,
            lambda transaction, version: source_of(
                transaction, version.model_name, version.version_id
            ),
        )

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
        path: Path | str,
        stated: StatedVersion | None = None,
        *,
        verdicts: Sequence[Verdict] = (),
        actor: Actor | None = None,
        progress: Progress | None = None,
    ) -> ModelVersion:
        """Give a version the bytes at a path.

        Args:
            reference: The version.
            path: A file or a folder of this machine.
            stated: What is known of it by now: its flavor, its signature, and its training if none
                was known. What the version says already stays when None.
            verdicts: What checks found on exactly these bytes.
            actor: Who does so.
            progress: Called with the number of bytes read.

        Raises:
            NotFoundError: There is no such version.
            AlreadySealedError: It has other bytes.
            InvalidArtifactError: The path is not acceptable.
        """
        version, by = self._found(reference), self._context.actor(actor)
        metadata = stated.metadata if stated else version

        def write() -> ModelVersion:
            publication = publish(
                self._context.database,
                self._context.store,
                Path(path),
                metadata.flavor,
                metadata.signature,
                progress=progress,
                record=restored_by(by),
            )
            supply = Supply(publication.upload_id, publication.stored)
            sealing = _sealing(version, publication.manifest, stated, by, verdicts)
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
        """Give a version bytes that the registry has; the arguments are those of :meth:`seal`.

        Raises:
            NotFoundError: There is no such version.
            AlreadySealedError: It has other bytes.
            BytesMissingError: The registry lacks some of the files.
        """
        version, by = self._found(reference), self._context.actor(actor)
        sealing = _sealing(version, manifest, stated, by, verdicts)
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
        self._give_bytes(sealing, supply)
        sealed = self._found(reference)
        self._context.on_commit(lambda: self._pending_checks.judge_new(reference, sealed))
        return self._found(reference)

    def _give_bytes(self, sealing: Sealing, supply: Supply) -> None:
        for _ in range(_TRIES):
            marks = self._context.database.read(partial(_marks, sealing))
            with suppress(StaleLookError):
                seal(self._context.database, replace(sealing, marks=marks), supply)
                return
        raise DatabaseBusyError(
            f"data that {sealing.version.reference} depends on was quarantined each time",
            remedy="Try again in a few seconds",
        )


def _sealing(
    version: ModelVersion,
    manifest: Manifest,
    stated: StatedVersion | None,
    actor: Actor,
    verdicts: Sequence[Verdict],
) -> Sealing:
    is_training = stated is not None and stated.has_training and not version.trainings
    return Sealing(
        version=version,
        manifest=manifest,
        stated=stated if is_training else None,
        marks=NewMarks(unchanged=version.quarantine_reason),
        actor=actor,
        judge_after=_JUDGED_AFTER,
        verdicts=[verdict.model_dump(mode="json") for verdict in verdicts],
    )


def _marks(sealing: Sealing, transaction: Transaction) -> NewMarks:
    version, stated = sealing.version, sealing.stated
    if stated is None or not stated.lineage.nodes:
        return sealing.marks
    model = look_at_model(transaction, version.model_name)
    known = KnownVersion(version, "", ())
    return quarantines_of(transaction, stated.lineage, known, model.model_id)
