"""Make a version of some bytes, and edit what may be edited about it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pedigree.artifacts._progress import Progress
from pedigree.artifacts.publish import abandon, publish
from pedigree.artifacts.store import (
    BlobVanishedError,
    seal,
)
from pedigree.audit.records import Actor
from pedigree.catalog import reading
from pedigree.catalog.changes import update_version
from pedigree.catalog.metadata import validated
from pedigree.catalog.names import validate_name
from pedigree.catalog.records import (
    ModelVersion,
    NewVersion,
    Registration,
)
from pedigree.catalog.references import Reference
from pedigree.catalog.registration import register_manifest
from pedigree.errors import RefusedError
from pedigree.flavors.plugins import get_flavor
from pedigree.postgres.transaction import Transaction
from pedigree.registry.reading import ReadingVerbs

# A blob may be collected between its upload and its registration; the bytes are then sent again.
_PUBLISH_ATTEMPTS = 10


class RegisteringVerbs(ReadingVerbs):
    """Verbs that write the catalog."""

    def register(
        self,
        name: str,
        path: Path | str,
        new: NewVersion,
        *,
        actor: Actor | None = None,
        progress: Progress | None = None,
    ) -> Registration:
        """Register the bytes at a path as a version of a model, created if it is new.

        The bytes are stored first, then one transaction writes all rows; a crash in between leaves
        nothing but bytes that nobody refers to. The same bytes, flavor and signature on the same
        model are the same version: then the training is added to it, and ``created`` is False.
        ``progress`` is told how many bytes of how many were read.

        Raises:
            InvalidInputError: The name, flavor, path or metadata is wrong; nothing was written.
            NameTakenError: The name has a twin, or was deleted.
            UnavailableError: The database or the store does not answer.
        """
        validate_name(name)
        get_flavor(validated(new.metadata).flavor)
        actor = actor or self.actor()
        for _ in range(_PUBLISH_ATTEMPTS - 1):
            with suppress(BlobVanishedError):
                return self._publish_and_write(name, Path(path), new, actor, progress)
        return self._publish_and_write(name, Path(path), new, actor, progress)

    def _publish_and_write(
        self,
        name: str,
        path: Path,
        new: NewVersion,
        actor: Actor,
        progress: Progress | None,
    ) -> Registration:
        publication = publish(
            self.database,
            self.store,
            path,
            new.metadata.flavor,
            new.metadata.signature,
            progress=progress,
        )

        def write(transaction: Transaction) -> Registration:
            seal(transaction, publication)
            done = register_manifest(transaction, name, publication.manifest, new, actor)
            reference = Reference(name=name, version=done.version)
            return Registration(
                version=reading.find_version(transaction, reference),
                created=done.created,
                training_id=done.training_id,
                notice=done.notice,
            )

        try:
            return self.database.run(write)
        except (RefusedError, BlobVanishedError):
            abandon(self.database, self.store, publication)
            raise

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
            return reading.find_version(transaction, Reference(name=name, version=number))

        return self._with_version(reference, write)
