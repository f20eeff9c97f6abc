"""Follow lineage both ways: what a version depends on, and what depends on data."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pedigree.catalog import lookups, materialization
from pedigree.catalog.diff import read_side
from pedigree.catalog.diff_records import LineageDifference
from pedigree.catalog.exports import ExportFormat, export
from pedigree.catalog.exports.source import Exported
from pedigree.catalog.lineage_diff import difference
from pedigree.catalog.materialization import ShownTraining
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion, RetrainRequest, Unmaterialized
from pedigree.catalog.retrain import retrain_like
from pedigree.lifecycle.impact import impact
from pedigree.lifecycle.impact_records import Impact
from pedigree.lineage import asset_events, staleness_store, usages
from pedigree.lineage.asset_events import KeptEvent
from pedigree.lineage.staleness import (
    AssetPartition,
    InputNow,
    Staleness,
    compared,
)
from pedigree.lineage.staleness_store import StaleVersion
from pedigree.lineage.store import read_lineage
from pedigree.lineage.upstream import Upstream, upstream
from pedigree.lineage.usages import Downstream, NewUsage, Usage
from pedigree.postgres.transaction import Transaction
from pedigree.registry.cards import CardOperations


class LineageOperations(CardOperations):
    """Verbs for what was made of what."""

    def upstream(self, reference: str, *, newest: bool = False) -> Upstream:
        """List every asset and partition that a version depends on, and what is not known.

        Args:
            reference: The version.
            newest: The version's newest training instead of its first.
        """
        version = self.get(reference)
        return upstream(version.reference, self.lineage(version.reference, newest=newest))

    def downstream(
        self, reference: str, *, limit: int = lookups.PAGE, before: int | None = None
    ) -> Downstream:
        """Return what was written with exactly this version, and the versions trained on it.

        These are told apart by how certain it is.

        Args:
            reference: The version.
            limit: How many usages at most, the newest first.
            before: The ``usage_id`` that the page before ended with.
        """
        limit = lookups.at_least_one(limit)

        def read(transaction: Transaction, version: ModelVersion) -> Downstream:
            key, number = name_key(version.model_name), version.version_id
            return Downstream(
                reference=version.reference,
                usages=usages.usages_of(transaction, key, number, limit=limit, before=before),
                **usages.trained_with(transaction, key, number, version.created_at)._asdict(),
            )

        return self._read_version(reference, read)

    def record_usage(self, reference: str, use: NewUsage) -> None:
        """Keep that a run uses a version to make an asset; repeated, only what is new is added."""

        def write(transaction: Transaction, version: ModelVersion) -> None:
            usages.record_usage(transaction, name_key(version.model_name), version.version_id, use)

        self._update_version(reference, write)

    def unsettled_usages(
        self, instance_id: str | None, *, limit: int = lookups.PAGE, after: int = 0
    ) -> tuple[Usage, ...]:
        """Return usages by runs of one Dagster instance of which it is not known what they wrote.

        Args:
            instance_id: The instance.
            limit: How many at most, the oldest first.
            after: The ``usage_id`` that the page before ended with.
        """
        return self.database.read(
            lambda transaction: usages.unsettled_usages(
                transaction, instance_id, limit=lookups.at_least_one(limit), after=after
            )
        )

    def settle_usages(self, settled: Sequence[Usage]) -> None:
        """Keep what became of usages; those that are not settled are left."""
        self.database.transaction(lambda transaction: usages.settle_usages(transaction, settled))

    def keep_asset_events(self, instance_id: str, events: Sequence[KeptEvent]) -> None:
        """Keep copies of asset events of a Dagster instance, which may delete its own."""
        self.database.transaction(
            lambda transaction: asset_events.keep_events(transaction, instance_id, events)
        )

    def kept_asset_events(self, instance_id: str, asset: str) -> tuple[KeptEvent, ...]:
        """Return the copies of an asset's events on a Dagster instance, the newest first."""
        return self.database.read(
            lambda transaction: asset_events.kept_events(transaction, instance_id, asset)
        )

    def see_instance(self, instance_id: str) -> None:
        """Keep that a Dagster instance is within reach: its mirror looks."""
        self.database.transaction(
            lambda transaction: materialization.see_instance(transaction, instance_id)
        )

    def end_awaiting(self, shown: Collection[ShownTraining]) -> None:
        """Keep that an asset graph shows trainings, so that nobody waits for them any more."""
        if shown:
            self.database.transaction(
                lambda transaction: materialization.end_awaiting(transaction, shown)
            )

    def unmaterialized(
        self, reference: str | None = None, *, limit: int = lookups.PAGE
    ) -> tuple[Unmaterialized, ...]:
        """Return the trainings that no asset graph shows, their instance being out of reach.

        Nothing was heard of the instance for an hour, nor was the version shown anywhere since it
        was registered. It comes to an end when a mirror shows the version.

        Args:
            reference: One version; all of them when None.
            limit: How many at most, the oldest first.
        """
        version = self.get(reference) if reference is not None else None
        return self.database.read(
            lambda transaction: materialization.unmaterialized(
                transaction,
                name_key=name_key(version.model_name) if version else None,
                version=version.version_id if version else None,
                limit=lookups.at_least_one(limit),
            )
        )

    def versions_to_look_at(
        self, names: Iterable[str], *, age: timedelta, limit: int
    ) -> tuple[str, ...]:
        """Return references of versions in use whose staleness nobody looked at for a while.

        Args:
            names: The models.
            age: For so long.
            limit: How many at most; those never looked at come first.
        """
        keys = [name_key(name) for name in names]
        return self.database.transaction(
            lambda transaction: staleness_store.versions_to_look_at(
                transaction, keys, age=age, limit=lookups.at_least_one(limit)
            )
        )

    def keep_staleness(
        self,
        reference: str,
        now: Mapping[AssetPartition, InputNow],
        *,
        code_version: str | None = None,
    ) -> Staleness:
        """Keep how far a version is behind what its inputs are now, for search and retraining.

        Args:
            reference: The version.
            now: What its direct inputs are now.
            code_version: The code version of the model's asset now.
        """

        def write(transaction: Transaction, version: ModelVersion) -> Staleness:
            key = (name_key(version.model_name), version.version_id)
            graph = read_lineage(transaction, *key, newest=True)
            newer = staleness_store.newer_code(transaction, *key)
            if code_version and code_version not in (version.code_version, *newer):
                newer = (*newer, code_version)
            found = compared(graph, now, newer)
            staleness_store.keep_staleness(transaction, *key, found)
            return found

        return self._update_version(reference, write)

    def stale_holders(
        self,
        names: Iterable[str],
        stage: str = "production",
        *,
        data_behind: int = 1,
        code_behind: int | None = None,
    ) -> tuple[StaleVersion, ...]:
        """Return the holders of a stage that are so far behind, as they were last seen.

        Args:
            names: The models.
            stage: The stage.
            data_behind: So many data versions, over all inputs and partitions.
            code_behind: Or so many code versions; None: code does not count.
        """
        keys = [name_key(name) for name in names]
        return self.database.read(
            lambda transaction: staleness_store.stale_holders(
                transaction, keys, stage, data_behind=data_behind, code_behind=code_behind
            )
        )

    def retrain_like(self, reference: str) -> RetrainRequest:
        """Return how the newest training of a version was run, so that a run can repeat it.

        Raises:
            NotRetrainableError: It was trained by no asset.
        """
        return self._read_version(reference, retrain_like)

    def diff(self, a: str, b: str) -> LineageDifference:
        """Return in what the lineage of version ``b`` differs from that of version ``a``.

        Raises:
            NotFoundError: A reference names nothing.
        """
        return difference(self._read_version(a, read_side), self._read_version(b, read_side))

    def export_lineage(self, reference: str, format: ExportFormat) -> str:
        """Return the lineage of a version's first training in another tool's words, as JSON.

        Args:
            reference: The version.
            format: ``openlineage`` (a list of run events) or ``prov`` (W3C PROV-JSON).

        Raises:
            InvalidInputError: There is no such format.
            MissingDependencyError: Its library is not installed.
        """
        exported = Exported(
            self.get(reference), self.trainings(reference, limit=1)[0], self.lineage(reference)
        )
        return export(exported, format)

    def impact(
        self, asset: str, partition: str | None = None, *, since: datetime | None = None
    ) -> Impact:
        """Find the versions that depend on some data, and where they are in use.

        They are told apart by how certain it is: those that certainly do, that possibly do, and of
        which it is not known.

        Args:
            asset: The asset's key, parts joined by ``/``.
            partition: One of its partitions; all of them when None.
            since: Only data that was recorded from then on; with its time zone.
        """
        since = since and lookups.in_a_zone("since", since)
        return self.database.read(lambda transaction: impact(transaction, asset, partition, since))
