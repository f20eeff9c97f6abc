"""Training data: datasheets, and verdicts on its states."""

from collections.abc import Collection, Mapping, Sequence

from pedigree._record import PAGE, RecordPage
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.contract.datasets import DatasetContract
from pedigree.datasets import store
from pedigree.datasets.records import (
    Datasheet,
    DataState,
    DataVerdict,
    KeptDatasheet,
    RecordedDataVerdict,
)
from pedigree.errors import NotFoundError
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class DatasetOperations(ContextGroup, DatasetContract):
    """Training data: datasheets, and verdicts on its states."""

    def set_datasheet(
        self, asset: str, datasheet: Datasheet, *, actor: Actor | None = None
    ) -> KeptDatasheet:
        self._context.require(Permission.DESCRIBE)
        actor = self._context.actor(actor)
        return self._context.database.transaction(
            lambda transaction: store.set_datasheet(transaction, asset, datasheet, actor)
        )

    def datasheet(self, asset: str) -> KeptDatasheet:
        found = self.datasheets([asset]).get(asset)
        if found is None:
            raise NotFoundError(
                "has no datasheet",
                field="asset",
                value=asset,
                remedy=f"Write one with `pedigree datasheet {asset} --set uses=TEXT`,"
                " or in the asset's metadata",
            )
        return found

    def datasheets(self, assets: Collection[str]) -> Mapping[str, KeptDatasheet]:
        found = self.datasheet_page(assets, limit=None, after="")
        return {each.asset: each for each in found}

    def datasheet_page(
        self, assets: Collection[str], *, limit: int | None, after: str
    ) -> RecordPage[KeptDatasheet]:
        """Return a page of the latest datasheets of assets, by asset.

        Args:
            assets: The assets; those without a datasheet are left out.
            limit: How many at most; all of them when None.
            after: The last asset of the previous page.
        """
        self._context.require_some(Permission.READ)

        def read(transaction: Transaction) -> RecordPage[KeptDatasheet]:
            seen = self._seen(transaction, assets)
            return store.datasheet_page(transaction, seen, limit=limit, after=after)

        return self._context.database.read(read)

    def _seen(self, transaction: Transaction, assets: Collection[str]) -> Collection[str]:
        visible = self._context.visible_models(transaction)
        return self._context.sight(transaction).data(assets, visible)

    def record_data_verdict(
        self, verdict: DataVerdict, *, actor: Actor | None = None
    ) -> RecordedDataVerdict:
        self._context.require(Permission.JUDGE)
        actor = self._context.actor(actor)
        return self._context.database.transaction(
            lambda transaction: store.record_data_verdict(transaction, verdict, actor)
        )

    def data_verdicts(
        self, states: Sequence[DataState], *, limit: int = PAGE, after: int = 0
    ) -> tuple[RecordedDataVerdict, ...]:
        self._context.require_some(Permission.READ)

        def read(transaction: Transaction) -> RecordPage[RecordedDataVerdict]:
            seen = self._seen(transaction, [each.asset for each in states])
            visible = [each for each in states if each.asset in seen]
            return store.data_verdicts(transaction, visible, limit=limit, after=after)

        return self._context.database.read(read)
