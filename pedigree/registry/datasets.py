"""Datasheets of assets, and what checks found on their data."""

from collections.abc import Collection, Mapping, Sequence

from pedigree.audit.records import Actor
from pedigree.datasets import store
from pedigree.datasets.records import (
    Datasheet,
    DataState,
    DataVerdict,
    KeptDatasheet,
    RecordedDataVerdict,
)
from pedigree.errors import NotFoundError
from pedigree.registry._session import Session


class DataOperations(Session):
    """Verbs for the data that models are made from."""

    def set_datasheet(
        self, asset: str, datasheet: Datasheet, *, actor: Actor | None = None
    ) -> KeptDatasheet:
        """Give an asset a datasheet; the one it has already is not written again.

        Args:
            asset: The asset's key, parts joined by ``/``.
            datasheet: What people have to say of its data.
            actor: Who says it; found out when None.
        """
        actor = actor or self.actor()
        return self.database.transaction(
            lambda transaction: store.set_datasheet(transaction, asset, datasheet, actor)
        )

    def datasheet(self, asset: str) -> KeptDatasheet:
        """Return an asset's latest datasheet.

        Raises:
            NotFoundError: It has none.
        """
        found = self.datasheets([asset]).get(asset)
        if found is None:
            raise NotFoundError(
                "has no datasheet",
                field="asset",
                value=asset,
                remedy="Give it one by `pedigree datasheet set`, or in the asset's metadata",
            )
        return found

    def datasheets(self, assets: Collection[str]) -> Mapping[str, KeptDatasheet]:
        """Return the latest datasheets of some assets; those without one are left out."""
        return self.database.read(lambda connection: store.latest_datasheets(connection, assets))

    def record_data_verdict(
        self, verdict: DataVerdict, *, actor: Actor | None = None
    ) -> RecordedDataVerdict:
        """Record what a check, such as a suite of expectations, found on one state of some data."""
        actor = actor or self.actor()
        return self.database.transaction(
            lambda transaction: store.record_data_verdict(transaction, verdict, actor)
        )

    def data_verdicts(self, states: Sequence[DataState]) -> tuple[RecordedDataVerdict, ...]:
        """Return the newest verdict of each check on exactly some states of data."""
        return self.database.read(lambda connection: store.data_verdicts(connection, states))
