"""Training data: datasheets, and verdicts on its states."""

from collections.abc import Collection, Mapping, Sequence

from pedigree._record import PAGE
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
from pedigree.registry.context import ContextGroup


class DatasetOperations(ContextGroup, DatasetContract):
    """Training data: datasheets, and verdicts on its states."""

    def set_datasheet(
        self, asset: str, datasheet: Datasheet, *, actor: Actor | None = None
    ) -> KeptDatasheet:
        self._context.require(Permission.DESCRIBE)
        actor = actor or self._context.actor()
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
        self._context.require(Permission.READ)
        return self._context.database.read(
            lambda connection: store.latest_datasheets(connection, assets)
        )

    def record_data_verdict(
        self, verdict: DataVerdict, *, actor: Actor | None = None
    ) -> RecordedDataVerdict:
        self._context.require(Permission.JUDGE)
        actor = actor or self._context.actor()
        return self._context.database.transaction(
            lambda transaction: store.record_data_verdict(transaction, verdict, actor)
        )

    def data_verdicts(
        self, states: Sequence[DataState], *, limit: int = PAGE, after: int = 0
    ) -> tuple[RecordedDataVerdict, ...]:
        self._context.require(Permission.READ)
        return self._context.database.read(
            lambda connection: store.data_verdicts(connection, states, limit=limit, after=after)
        )
