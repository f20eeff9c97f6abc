"""Look things up: models, versions, where they come from, and who held what."""

from collections.abc import Collection

from pedigree.audit import log
from pedigree.audit.records import Event, EventType
from pedigree.catalog import reading
from pedigree.catalog.names import name_key
from pedigree.catalog.records import (
    ModelVersion,
    RegisteredModel,
    Training,
)
from pedigree.catalog.references import parse_reference
from pedigree.lifecycle import due
from pedigree.lifecycle.records import RecordedVerdict, Tenure
from pedigree.lifecycle.tenures import timeline
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.staleness import Staleness, staleness
from pedigree.lineage.store import read_lineage
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import Session


class ReadingVerbs(Session):
    """Verbs that only read the catalog, the lineage and the feed."""

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names: ``churn/3``, ``churn@production``, ….

        Raises:
            InvalidReferenceError: The reference cannot be read.
            NotFoundError: It names nothing.
            AmbiguousStageError: Several versions hold the stage.
        """
        parsed = parse_reference(reference)
        return self.database.run(lambda transaction: reading.find_version(transaction, parsed))

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Raises:
            ModelNotFoundError: There is none of that name.
        """
        return self.database.run(lambda transaction: reading.find_model(transaction, name))

    def models(self) -> tuple[RegisteredModel, ...]:
        """Return all registered models by name."""
        return self.database.run(reading.list_models)

    def versions(self, name: str) -> tuple[ModelVersion, ...]:
        """Return a model's versions, the oldest first.

        Raises:
            ModelNotFoundError: There is none of that name.
        """
        return self.database.run(lambda transaction: reading.list_versions(transaction, name))

    def trainings(self, reference: str) -> tuple[Training, ...]:
        """Return the runs that produced a version's bytes, the first one first."""
        return self._with_version(reference, reading.list_trainings)

    def environment(self, reference: str) -> tuple[str, ...]:
        """Return the packages that a version was trained with; none where that is not known."""

        def read(transaction: Transaction, version: ModelVersion) -> tuple[str, ...]:
            known = version.environment_hash
            return reading.environment_packages(transaction, known) if known else ()

        return self._with_version(reference, read)

    def timeline(self, name: str) -> tuple[Tenure, ...]:
        """Return which version held which stage and alias and when, the oldest tenure first."""
        self.model(name)
        return self.database.run(lambda transaction: timeline(transaction, name_key(name)))

    def events(
        self, after: int = 0, limit: int = 1000, *, types: Collection[EventType] | None = None
    ) -> tuple[Event, ...]:
        """Return the feed's events behind a place, oldest first.

        Read on from the last one's ``seq``: nothing is lost, hidden or reordered.
        """
        self.database.run(log.sequence)
        return self.database.run(
            lambda transaction: log.read(transaction, after=after, limit=limit, types=types)
        )

    def verdicts(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Return the newest verdict of each check on a version, by the check's name."""
        return self._with_version(reference, due.verdicts)

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        """Return what a version was trained on, down to the sources that are known.

        Args:
            reference: The version.
            newest: The version's newest training instead of its first.
        """
        return self._with_version(
            reference,
            lambda transaction, version: read_lineage(
                transaction, name_key(version.model_name), version.version_id, newest=newest
            ),
        )

    def staleness(self, reference: str) -> Staleness:
        """Say which inputs have moved on since the version's newest training."""
        return staleness(self.lineage(reference, newest=True), self.settings)
