"""Training data: datasheets, and verdicts on its states."""

from collections.abc import Collection, Mapping, Sequence

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.datasets import DatasetContract
from pedigree.datasets.records import (
    Datasheet,
    DataState,
    DataVerdict,
    KeptDatasheet,
    RecordedDataVerdict,
)

# The service answers about this many assets at once, whose names fit the URL.
_ASSETS = 20


class RemoteDatasets(ServiceGroup, DatasetContract):
    """Training data: datasheets, and verdicts on its states."""

    def set_datasheet(
        self, asset: str, datasheet: Datasheet, *, actor: Actor | None = None
    ) -> KeptDatasheet:
        only_in_process(actor=actor)
        return self._service.write(KeptDatasheet, "PUT", paths.DATASHEET, datasheet, asset=asset)

    def datasheet(self, asset: str) -> KeptDatasheet:
        return self._service.read(KeptDatasheet, paths.DATASHEET, asset=asset)

    def datasheets(self, assets: Collection[str]) -> Mapping[str, KeptDatasheet]:
        wanted = sorted(set(assets))
        found = (
            each
            for start in range(0, len(wanted), _ASSETS)
            for each in self._service.items(
                KeptDatasheet,
                paths.DATASHEETS,
                limit=_ASSETS,
                asset=wanted[start : start + _ASSETS],
            )
        )
        return {each.asset: each for each in found}

    def record_data_verdict(
        self, verdict: DataVerdict, *, actor: Actor | None = None
    ) -> RecordedDataVerdict:
        only_in_process(actor=actor)
        return self._service.write(RecordedDataVerdict, "POST", paths.DATA_VERDICTS, verdict)

    def data_verdicts(
        self, states: Sequence[DataState], *, limit: int = PAGE, after: int = 0
    ) -> tuple[RecordedDataVerdict, ...]:
        # The first ``limit`` of all are among the first ``limit`` of each state. One verdict may
        # be about several of the states.
        found = {
            verdict.data_verdict_id: verdict
            for state in states
            for verdict in self._of_state(state, limit, after)
        }
        return tuple(found[number] for number in sorted(found)[:limit])

    def _of_state(
        self, state: DataState, limit: int, after: int
    ) -> tuple[RecordedDataVerdict, ...]:
        asked = state.model_dump(include=set(DataState.model_fields))
        return self._service.items(
            RecordedDataVerdict, paths.DATA_VERDICTS, limit=limit, after=after, **asked
        )
