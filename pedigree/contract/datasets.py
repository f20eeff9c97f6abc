"""Training data: datasheets, and verdicts on its states."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.audit.records import Actor
from pedigree.datasets.records import (
    Datasheet,
    DataState,
    DataVerdict,
    KeptDatasheet,
    RecordedDataVerdict,
)


class DatasetContract(Protocol):
    """Training data: datasheets, and verdicts on its states."""

    def set_datasheet(
        self, asset: Key, datasheet: Datasheet, *, actor: Actor | None = None
    ) -> KeptDatasheet:
        """Set an asset's datasheet; an unchanged datasheet is not written again.

        Args:
            asset: The asset's key, parts joined by ``/``.
            datasheet: The description of its data.
            actor: Who writes it; this process's actor when None.
        """

    def datasheet(self, asset: Key) -> KeptDatasheet:
        """Return an asset's latest datasheet.

        Raises:
            NotFoundError: The asset has no datasheet.
        """

    def datasheets(self, assets: Collection[Key]) -> Mapping[str, KeptDatasheet]:
        """Return the latest datasheets of assets; assets without one are left out."""

    def record_data_verdict(
        self, verdict: DataVerdict, *, actor: Actor | None = None
    ) -> RecordedDataVerdict:
        """Record the verdict of a check, such as an expectation suite, on one state of data."""

    def data_verdicts(
        self, states: Sequence[DataState], *, limit: int = PAGE, after: int = 0
    ) -> tuple[RecordedDataVerdict, ...]:
        """Return a page of the newest verdicts of each check on exactly these states of data.

        Args:
            states: The states.
            limit: How many at most, the oldest first.
            after: The last ``data_verdict_id`` of the previous page.
        """
