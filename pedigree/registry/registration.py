"""Make a version of some bytes, and edit what may be edited about it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.publish import discard, publish
from pedigree.artifacts.store import BlobCollectedError, retry_if_collected, seal
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.records import (
    ModelVersion,
    NewVersion,
    Registration,
)
from pedigree.catalog.references import Reference
from pedigree.catalog.register import Registering
from pedigree.catalog.version_edits import update_version
from pedigree.catalog.versions import Registered, register_manifest
from pedigree.errors import RefusedError
from pedigree.lifecycle.check_queue import await_judgement
from pedigree.postgres.transaction import Transaction
from pedigree.registry.pending_checks import NewcomerOperations


class RegisteringOperations(NewcomerOperations, Registering):
    """Verbs that write the catalog."""

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
        actor = actor or self.actor()
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
            self.database,
            self.store,
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
            done = self.database.transaction(write, pipelined=True)
        except (RefusedError, BlobCollectedError):
            discard(self.database, self.store, publication)
            raise
        if judge:
            self._judge_new(f"{name}/{done.version}")
        # Read when the model is free again: others wait for it to register theirs.
        reference = Reference(name=name, version=done.version)
        version = self.database.read(lambda connection: lookups.find_version(connection, reference))
        return Registration(
            version=version,
            created=done.created,
            training_id=done.training_id,
            notice=done.notice,
        )

    def update(
        self,
        reference: str,
        *,
        description: str | None = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Replace a version's description, owners or tags; what is None stays as it is."""
        actor = self.actor()

        def write(transaction: Transaction, version: ModelVersion) -> ModelVersion:
            name, number = version.model_name, version.version_id
            update_version(
                transaction,
                name,
                number,
                actor,
                description=description,
                owners=owners,
                tags=tags,
            )
            return lookups.find_version(transaction, Reference(name=name, version=number))

        return self._update_version(reference, write)
