"""Quarantine of data and versions."""

from datetime import datetime

from pedigree._record import PAGE
from pedigree.catalog.quarantine_records import Quarantine, Quarantined
from pedigree.catalog.records import ModelVersion
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.quarantine import QuarantineContract


class RemoteQuarantine(ServiceGroup, QuarantineContract):
    """Quarantine of data and versions."""

    def quarantine(
        self,
        asset: str,
        partition: str | None = None,
        *,
        reason: str,
        since: datetime | None = None,
        only_certain: bool = False,
    ) -> Quarantined:
        new = {
            "asset": asset,
            "partition": partition,
            "reason": reason,
            "since": since,
            "only_certain": only_certain,
        }
        return self._service.write(Quarantined, "POST", paths.QUARANTINES, new)

    def release(
        self,
        asset: str,
        partition: str | None = None,
        *,
        whole_asset: bool = False,
        reason: str | None = None,
    ) -> tuple[Quarantine, ...]:
        query = {
            "asset": asset,
            "partition": partition,
            "whole_asset": whole_asset or None,
            "reason": reason,
        }
        ended = self._service.write(
            dict[str, tuple[Quarantine, ...]], "DELETE", paths.QUARANTINES, **query
        )
        return ended["quarantines"]

    def quarantine_version(self, reference: str, *, reason: str) -> ModelVersion:
        path = self._service.version_path(paths.VERSION_QUARANTINE, reference)
        return self._service.write(ModelVersion, "PUT", path, {"reason": reason})

    def release_version(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        path = self._service.version_path(paths.VERSION_QUARANTINE, reference)
        return self._service.write(ModelVersion, "DELETE", path, reason=reason)

    def quarantines(
        self, *, limit: int = PAGE, before: int | None = None
    ) -> tuple[Quarantine, ...]:
        return self._service.items(
            Quarantine, paths.QUARANTINES, limit=limit, cursor="before", before=before
        )
