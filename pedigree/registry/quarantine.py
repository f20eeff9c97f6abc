"""Quarantine of data and versions."""

from datetime import datetime

from pedigree._record import PAGE, RecordPage
from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.catalog import lookups, quarantine
from pedigree.catalog.data_quarantines import open_quarantines_of_asset
from pedigree.catalog.quarantine_records import DataQuarantine, Quarantine, Quarantined
from pedigree.catalog.records import ModelVersion
from pedigree.contract.quarantine import QuarantineContract
from pedigree.contract.versions import VersionContract
from pedigree.postgres.pages import at_least_one
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context


class QuarantineOperations(QuarantineContract):
    """Quarantine of data and versions."""

    def __init__(self, context: Context, versions: VersionContract) -> None:
        self._context = context
        self._versions = versions

    def quarantine(
        self,
        asset: str,
        partition: str | None = None,
        *,
        reason: str,
        since: datetime | None = None,
        only_certain: bool = False,
    ) -> Quarantined:
        self._context.require(Permission.QUARANTINE)
        actor = self._context.actor()
        since = since and lookups.in_a_zone("since", since)
        return self._context.database.transaction(
            lambda transaction: quarantine.quarantine_data(
                transaction,
                asset,
                partition,
                actor,
                reason=reason,
                since=since,
                only_certain=only_certain,
            )
        )

    def release(
        self,
        asset: str,
        partition: str | None = None,
        *,
        whole_asset: bool = False,
        reason: str | None = None,
    ) -> tuple[Quarantine, ...]:
        self._context.require(Permission.QUARANTINE)
        quarantine.require_scope(partition, whole_asset)
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: quarantine.release_data(
                transaction, asset, partition, actor, reason=reason
            )
        )

    def quarantine_version(self, reference: str, *, reason: str) -> ModelVersion:
        actor = self._context.actor()

        def write(transaction: Transaction, version: ModelVersion) -> str:
            quarantine.quarantine_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            )
            return version.reference

        return self._versions.get(
            self._context.update_version(Permission.QUARANTINE, reference, write)
        )

    def release_version(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        actor = self._context.actor()

        def write(transaction: Transaction, version: ModelVersion) -> str:
            quarantine.release_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            )
            return version.reference

        return self._versions.get(
            self._context.update_version(Permission.QUARANTINE, reference, write)
        )

    def quarantines(
        self, *, limit: int = PAGE, before: int | None = None
    ) -> tuple[Quarantine, ...]:
        self._context.require_some(Permission.READ)
        limit = at_least_one(limit)

        def read(transaction: Transaction) -> RecordPage[Quarantine]:
            visible = self._context.visible_models(transaction)
            found = quarantine.open_quarantines(
                transaction, limit=limit, before=before, visible=visible
            )
            return self._context.sight(transaction).quarantines(found)

        return self._context.database.read(read)

    def quarantines_of_asset(self, asset: str, *, limit: int = PAGE) -> tuple[DataQuarantine, ...]:
        """Return the open quarantines of an asset and of its partitions, newest first.

        Somebody who may not read all models sees those that mark a version of a readable one.

        Args:
            asset: The asset.
            limit: How many at most.

        Raises:
            NotPermittedError: The principal may read no model.
        """
        self._context.require_some(Permission.READ)

        def read(transaction: Transaction) -> tuple[DataQuarantine, ...]:
            visible = self._context.visible_models(transaction)
            if self._context.sight(transaction).hidden_assets([asset]):
                return ()
            return open_quarantines_of_asset(transaction, asset, limit=limit, visible=visible)

        found = self._context.database.read(read)
        return with_names(found, self._context.names) if self._context.shows_names else found
