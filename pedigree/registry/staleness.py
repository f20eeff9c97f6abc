"""Staleness of versions: how far they are behind their data and code."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from pedigree.access.records import Permission
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.contract.staleness import StalenessContract
from pedigree.lineage import staleness_store
from pedigree.lineage.staleness import AssetPartition, InputNow, Staleness, compared, staleness
from pedigree.lineage.staleness_store import StaleVersion
from pedigree.lineage.store import read_lineage
from pedigree.postgres.pages import at_least_one
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class StalenessOperations(ContextGroup, StalenessContract):
    """Staleness of versions: how far they are behind their data and code."""

    def stale(self, reference: str) -> Staleness:

        def read(transaction: Transaction, version: ModelVersion) -> Staleness:
            key = (name_key(version.model_name), version.version_id)
            graph = read_lineage(transaction, *key, newest=True)
            found = staleness(
                graph, staleness_store.newer_code(transaction, *key), self._context.settings
            )
            if not found.known:
                found = staleness_store.kept_staleness(transaction, *key) or found
            return self._context.sight(transaction).staleness(found)

        return self._context.read_version(reference, read)

    def keep_staleness(
        self,
        reference: str,
        now: Mapping[AssetPartition, InputNow],
        *,
        code_version: str | None = None,
    ) -> Staleness:
        """Store how far a version is behind its current inputs, for search and retraining.

        Args:
            reference: The version.
            now: The current state of its direct inputs.
            code_version: The current code version of the model's asset.
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

        return self._context.update_version(Permission.DESCRIBE, reference, write)

    def stale_holders(
        self,
        names: Iterable[str],
        stage: str = "production",
        *,
        data_behind: int = 1,
        code_behind: int | None = None,
    ) -> tuple[StaleVersion, ...]:
        """Return the versions of a stage that are stale, by their last known staleness.

        Args:
            names: The models.
            stage: The stage.
            data_behind: Behind by this many data versions, over all inputs and partitions.
            code_behind: Or behind by this many code versions; None ignores code.
        """
        keys = [name_key(name) for name in names]
        return self._context.database.read(
            lambda transaction: staleness_store.stale_holders(
                transaction, keys, stage, data_behind=data_behind, code_behind=code_behind
            )
        )

    def versions_to_look_at(
        self, names: Iterable[str], *, age: timedelta, limit: int
    ) -> tuple[str, ...]:
        """Return references of versions in use whose staleness was not evaluated for some time.

        Args:
            names: The models.
            age: The time since the last evaluation.
            limit: How many at most; versions that were never evaluated come first.
        """
        keys = [name_key(name) for name in names]
        return self._context.database.transaction(
            lambda transaction: staleness_store.versions_to_look_at(
                transaction, keys, age=age, limit=at_least_one(limit)
            )
        )
