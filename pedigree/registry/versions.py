"""Look things up: models, versions, where they come from, and who held what."""

from collections.abc import Collection, Iterator
from datetime import datetime

from pedigree.audit import log
from pedigree.audit.records import Event, EventType
from pedigree.catalog import lookups
from pedigree.catalog.diff import compare, read_side
from pedigree.catalog.diff_records import VersionComparison
from pedigree.catalog.names import name_key
from pedigree.catalog.records import (
    ModelVersion,
    RegisteredModel,
    Training,
)
from pedigree.catalog.references import parse_reference
from pedigree.lifecycle import promotion_queue, tenures
from pedigree.lifecycle.records import RecordedVerdict, Tenure
from pedigree.lineage import staleness_store
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.staleness import Staleness, staleness
from pedigree.lineage.store import read_lineage
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import Session


class ReadingOperations(Session):
    """Verbs that only read the catalog, the lineage and the feed."""

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names: ``churn/3``, ``churn@production``, ….

        Raises:
            InvalidReferenceError: The reference cannot be read.
            NotFoundError: It names nothing.
            AmbiguousStageError: Several versions hold the stage.
        """
        parsed = parse_reference(reference)
        return self.database.read(lambda connection: lookups.find_version(connection, parsed))

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Raises:
            ModelNotFoundError: There is none of that name.
        """
        return self.database.read(lambda connection: lookups.find_model(connection, name))

    def models(
        self, *, limit: int = lookups.PAGE, after: str | None = None
    ) -> tuple[RegisteredModel, ...]:
        """Return a page of the registered models by name.

        Args:
            limit: How many at most.
            after: The name that the page before ended with.
        """
        return self.database.read(
            lambda connection: lookups.list_models(connection, limit=limit, after=after)
        )

    def each_model(self) -> Iterator[RegisteredModel]:
        """Give all registered models by name, a page at a time."""
        after = None
        while page := self.models(after=after):
            yield from page
            after = page[-1].name

    def versions(
        self,
        name: str,
        *,
        limit: int = lookups.PAGE,
        after: int | None = None,
        newest_first: bool = False,
    ) -> tuple[ModelVersion, ...]:
        """Return a page of a model's versions, the oldest first.

        Args:
            name: The model.
            limit: How many at most.
            after: The number that the page before ended with.
            newest_first: Begin with the newest and go back.

        Raises:
            ModelNotFoundError: There is none of that name.
        """
        return self.database.read(
            lambda connection: lookups.list_versions(
                connection, name, limit=limit, after=after, newest_first=newest_first
            )
        )

    def trainings(
        self, reference: str, *, limit: int = lookups.PAGE, after: str | None = None
    ) -> tuple[Training, ...]:
        """Return a page of the runs that produced a version's bytes, the first one first.

        Args:
            reference: The version.
            limit: How many at most.
            after: The ``training_id`` that the page before ended with.
        """
        return self._read_version(
            reference,
            lambda connection, version: lookups.list_trainings(
                connection, version, limit=limit, after=after
            ),
        )

    def environment(self, reference: str) -> tuple[str, ...]:
        """Return the packages that a version was trained with; none where that is not known."""

        def read(transaction: Transaction, version: ModelVersion) -> tuple[str, ...]:
            known = version.environment_hash
            return lookups.environment_packages(transaction, known) if known else ()

        return self._read_version(reference, read)

    def timeline(
        self,
        name: str,
        pointer: str | None = None,
        *,
        limit: int = lookups.PAGE,
        before: int | None = None,
    ) -> tuple[Tenure, ...]:
        """Return which version held which stage and alias and when: the newest tenures, in order.

        Args:
            name: The model.
            pointer: Only this one: ``stage:production`` or ``alias:champion``.
            limit: How many at most.
            before: The ``tenure_id`` that the page after this one began with.

        Raises:
            ModelNotFoundError: There is none of that name.
            InvalidInputError: The pointer is neither a stage nor an alias.
        """
        return self.database.read(
            lambda connection: tenures.timeline(
                connection, name, pointer, limit=limit, before=before
            )
        )

    def as_of(self, name: str, moment: datetime, pointer: str | None = None) -> tuple[Tenure, ...]:
        """Return what a model's stages and aliases pointed to at a moment, who moved them, and why.

        Args:
            name: The model.
            moment: With its time zone. A tenure holds from its beginning, until its end.
            pointer: Only this one: ``stage:production`` or ``alias:champion``.

        Raises:
            ModelNotFoundError: There is none of that name.
            InvalidInputError: The moment has no time zone, or the pointer is none.
        """
        return self.database.read(
            lambda connection: tenures.as_of(connection, name, moment, pointer)
        )

    def tenures(self, reference: str) -> tuple[Tenure, ...]:
        """Return which stages and aliases a version held and when, the oldest tenure first."""
        return self._read_version(reference, tenures.tenures_of)

    def compare(self, a: str, b: str) -> VersionComparison:
        """Return in what version ``b`` differs from version ``a``; they may be of two models.

        Raises:
            NotFoundError: A reference names nothing.
        """
        return compare(self._read_version(a, read_side), self._read_version(b, read_side))

    def events(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        types: Collection[EventType] | None = None,
        model: str | None = None,
    ) -> tuple[Event, ...]:
        """Return the feed's events behind a place, oldest first.

        Read on from the last one's ``seq``: nothing is lost, hidden or reordered.

        Args:
            after: The ``seq`` behind which they lie.
            limit: How many at most.
            types: Only of these types.
            model: Only of the model of this name, also of one that was deleted.
        """
        self.database.transaction(log.sequence)
        return self.database.read(
            lambda transaction: log.read(
                transaction, after=after, limit=limit, types=types, model=model
            )
        )

    def verdicts(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Return the newest verdict of each check on a version, by the check's name."""
        return self._read_version(reference, promotion_queue.verdicts)

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        """Return what a version was trained on, down to the sources that are known.

        Args:
            reference: The version.
            newest: The version's newest training instead of its first.
        """
        return self._read_version(
            reference,
            lambda transaction, version: read_lineage(
                transaction, name_key(version.model_name), version.version_id, newest=newest
            ),
        )

    def stale(self, reference: str) -> Staleness:
        """Say how many data and code versions a version is behind, by input and partition.

        Its newest training is compared with what the asset graph holds now. Where none is within
        reach, the answer is what was last seen there, with the time (``seen_at``).
        """

        def read(transaction: Transaction, version: ModelVersion) -> Staleness:
            key = (name_key(version.model_name), version.version_id)
            graph = read_lineage(transaction, *key, newest=True)
            found = staleness(graph, staleness_store.newer_code(transaction, *key), self.settings)
            return (
                found if found.known else staleness_store.kept_staleness(transaction, *key) or found
            )

        return self._read_version(reference, read)
