"""Profiles of training data, and the drift of new data from them."""

from collections.abc import Iterable
from typing import Any

from pedigree._record import PAGE
from pedigree.audit.records import Actor
from pedigree.client.service import ServiceGroup, only_in_process
from pedigree.contract import paths
from pedigree.contract.monitoring import MonitoringContract
from pedigree.contract.paths import fill
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DataProfile, Expectations, RecordedDrift


class RemoteMonitoring(ServiceGroup, MonitoringContract):
    """Profiles of training data, and the drift of new data from them."""

    def keep_profile(
        self, reference: str, profile: DataProfile, *, actor: Actor | None = None
    ) -> None:
        only_in_process(actor=actor)
        self._service.do("PUT", self._service.version_path(paths.PROFILE, reference), profile)

    def profile(self, reference: str) -> DataProfile:
        return self._service.read(DataProfile, self._service.version_path(paths.PROFILE, reference))

    def measure_drift(
        self,
        reference: str,
        data: Any,
        *,
        asset: str,
        partition: str | None = None,
        data_version: str | None = None,
        expectations: Iterable[Expectations] = (),
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RecordedDrift:
        only_in_process(actor=actor)
        reference = self._service.exact(reference)
        if not isinstance(data, DataProfile):
            data = profile(data, like=self.profile(reference))
        path = self._service.version_path(paths.VERSION_DRIFT, reference)
        measured = {
            "profile": data,
            "asset": asset,
            "partition": partition,
            "data_version": data_version,
            "expectations": tuple(expectations),
            "run_id": run_id,
        }
        return self._service.write(RecordedDrift, "POST", path, measured)

    def drift(
        self,
        reference: str,
        asset: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[RecordedDrift, ...]:
        path = self._service.version_path(paths.VERSION_DRIFT, reference)
        return self._service.items_before(
            RecordedDrift, path, limit=limit, before=before, asset=asset
        )

    def drift_result(self, drift_id: int) -> RecordedDrift:
        return self._service.read(RecordedDrift, fill(paths.DRIFT, drift_id=drift_id))

    def drift_report_text(self, drift_id: int, *, markdown: bool = False) -> str:
        path = fill(paths.DRIFT_REPORT, drift_id=drift_id)
        return self._service.connection.get(path, markdown=markdown or None).decode()

    def alert_drift(self, drift_id: int, *, actor: Actor | None = None) -> bool:
        only_in_process(actor=actor)
        return self._service.write(
            dict[str, bool], "POST", fill(paths.DRIFT_ALERT, drift_id=drift_id)
        )["alerted"]
