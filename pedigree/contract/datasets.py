"""Data that models are made from: datasheets, and verdicts on its states."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.datasets.records import (
    Datasheet,
    DataState,
    DataVerdict,
    KeptDatasheet,
    RecordedDataVerdict,
)


class DatasetContract(Protocol):
    """Data that models are made from: datasheets, and verdicts on its states."""

    def set_datasheet(
        self, asset: str, datasheet: Datasheet, *, actor: Actor | None = None
    ) -> KeptDatasheet:
        """Give an asset a datasheet; the one it has already is not written again.

        Args:
            asset: The asset's key, parts joined by ``/``.
            datasheet: What people have to say of its data.
            actor: Who says it; found out when None.
        """

    def datasheet(self, asset: str) -> KeptDatasheet:
        """Return an asset's latest datasheet.

        Raises:
            NotFoundError: It has none.
        """

    def datasheets(self, assets: Collection[str]) -> Mapping[str, KeptDatasheet]:
        """Return the latest datasheets of some assets; those without one are left out."""

    def record_data_verdict(
        self, verdict: DataVerdict, *, actor: Actor | None = None
    ) -> RecordedDataVerdict:
        """Record what a check, such as a suite of expectations, found on one state of some data."""

    def data_verdicts(self, states: Sequence[DataState]) -> tuple[RecordedDataVerdict, ...]:
        """Return the newest verdict of each check on exactly some states of data."""
