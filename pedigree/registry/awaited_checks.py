"""Pending versions that wait for asset checks of users: their bytes, and who judges them."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from pedigree.artifacts.objects import ReadableStore
from pedigree.artifacts.publish import publish
from pedigree.artifacts.records import Manifest, WantedFile
from pedigree.artifacts.sessions import begin_session, end_session, session
from pedigree.artifacts.store import close_upload, locate, lock_blobs, retry_if_collected
from pedigree.catalog import lookups
from pedigree.catalog.files import FileOperations, Located
from pedigree.catalog.records import ModelVersion, StatedVersion
from pedigree.catalog.references import parse_reference
from pedigree.catalog.restored_bytes import restored_by
from pedigree.errors import NotFoundError, UploadNotFoundError
from pedigree.lifecycle import awaited_checks
from pedigree.lifecycle.awaited_checks import AwaitedChecks, AwaitedJudgement
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.new_bytes import with_bytes

# The session of the bytes is of this model, which no model can be called.
_NO_MODEL = ""


class AwaitedCheckOperations(FileOperations):
    """Pending versions that wait for checks; their files are read as those of sealed versions.

    Args:
        context: The registry's database and store.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cache = context.cache

    def has_deployment(self) -> bool:
        """Return whether the mirror of a Dagster deployment ran lately."""
        return self._context.database.read(awaited_checks.is_dagster_there)

    def stage(
        self,
        version: ModelVersion,
        folder: Path,
        manifest: Manifest,
        stated: StatedVersion | None,
        checks: Sequence[str],
    ) -> None:
        """Store the bytes of a pending version, and let it wait for checks.

        Args:
            version: The version.
            folder: Its files.
            manifest: The same files, with its flavor and signature.
            stated: What is known of it once it is sealed.
            checks: What somebody must run.

        Raises:
            StoreUnavailableError: The store failed.
        """
        judgement = AwaitedJudgement(
            name=version.model_name,
            version=version.version_id,
            upload_id=uuid4(),
            manifest=manifest,
            stated=stated,
            checks=tuple(checks),
            answers={},
            problem=None,
            is_asked=True,
        )
        retry_if_collected(lambda: self._stage(judgement, folder))

    def _stage(self, judgement: AwaitedJudgement, folder: Path) -> None:
        context, manifest = self._context, judgement.manifest
        publication = publish(
            context.database,
            context.store,
            folder,
            manifest.flavor,
            manifest.signature,
            record=restored_by(context.actor()),
        )
        files = {file.digest: file.size for file in manifest.files}
        wanted = [WantedFile(digest=digest, size=size) for digest, size in files.items()]

        def write(transaction: Transaction) -> None:
            if publication.upload_id:
                close_upload(transaction, publication.upload_id, publication.stored)
            lock_blobs(transaction, files.keys())
            begin_session(transaction, judgement.upload_id, _NO_MODEL, wanted)
            awaited_checks.await_checks(transaction, judgement)

        context.database.transaction(write)

    def find(self, reference: str) -> AwaitedJudgement | None:
        """Return what a pending version waits for; None if it waits for no check."""
        parsed = parse_reference(reference)
        return self._context.database.read(
            lambda transaction: awaited_checks.awaited_judgement(transaction, parsed)
        )

    def keep(self, awaited: AwaitedJudgement) -> bool:
        """Keep the bytes of a waiting version for longer; False if they may have been collected."""
        try:
            self._context.database.transaction(
                lambda transaction: session(transaction, awaited.upload_id, _NO_MODEL)
            )
        except UploadNotFoundError:
            return False
        return True

    def end(self, reference: str) -> None:
        """Let a version wait no more, because it is sealed, has failed or begins again."""
        parsed = parse_reference(reference)

        def write(transaction: Transaction) -> None:
            if (upload_id := awaited_checks.end_awaited(transaction, parsed)) is not None:
                end_session(transaction, upload_id, _NO_MODEL)

        self._context.database.transaction(write)

    def waiting(self) -> tuple[AwaitedChecks, ...]:
        """Return the versions that wait for runs of checks, the longest waiting first."""
        return self._context.database.read(awaited_checks.awaited_checks)

    def ask(self, awaited: AwaitedChecks) -> None:
        """Note that a deployment runs the checks for which a version waits."""
        self._context.database.transaction(
            lambda transaction: awaited_checks.ask_for_checks(transaction, awaited)
        )

    def give_up(self, awaited: AwaitedChecks, problem: str) -> None:
        """Note why nobody will run the checks for which a version waits; its work goes on."""
        self._context.database.transaction(
            lambda transaction: awaited_checks.give_up_checks(transaction, awaited, problem)
        )

    def version(self, reference: str) -> ModelVersion:
        """Return a waiting version as it will be once it is sealed.

        Raises:
            NotFoundError: There is no such version, or it waits for no check.
        """
        return self._located(reference).version

    def _find(self, reference: str) -> ModelVersion:
        return self.version(reference)

    @property
    def _readable(self) -> ReadableStore:
        return self._context.store

    def _located(self, reference: str) -> Located:
        parsed = parse_reference(reference)

        def read(transaction: Transaction) -> Located:
            version = lookups.find_version(transaction, parsed)
            awaited = awaited_checks.awaited_judgement(transaction, parsed)
            if awaited is None:
                raise NotFoundError(
                    "it waits for no check",
                    field="reference",
                    value=version.reference,
                    remedy="Read its state: it is sealed, or its registration has failed",
                )
            keys = locate(transaction, {file.digest for file in awaited.manifest.files})
            shown = with_bytes(version, awaited.manifest, awaited.stated)
            return Located(shown, awaited.manifest, keys)

        return self._context.database.read(read)

    def _note_download(self, version: ModelVersion) -> None:
        """Note nothing: a check reads it, and its verdict is an event once it is sealed."""
