"""Upstream and downstream of versions."""

from datetime import datetime

from pedigree._record import PAGE
from pedigree.catalog.diff_records import LineageDifference
from pedigree.catalog.exports import ExportFormat, export
from pedigree.catalog.exports.source import Exported
from pedigree.catalog.training_records import RetrainRequest, Unmaterialized
from pedigree.client.service import Service
from pedigree.contract import paths
from pedigree.contract.lineage import LineageContract
from pedigree.contract.versions import VersionContract
from pedigree.lifecycle.impact_records import Affected, Impact
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.upstream import Upstream
from pedigree.lineage.usages import Downstream, Usage


class RemoteLineage(LineageContract):
    """Upstream and downstream of versions."""

    def __init__(self, service: Service, versions: VersionContract) -> None:
        self._service = service
        self._versions = versions

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        return self._service.read(
            LineageGraph, self._service.version_path(paths.LINEAGE, reference), newest=newest
        )

    def upstream(self, reference: str, *, newest: bool = False) -> Upstream:
        return self._service.read(
            Upstream, self._service.version_path(paths.UPSTREAM, reference), newest=newest
        )

    def downstream(
        self, reference: str, *, limit: int = PAGE, before: int | None = None
    ) -> Downstream:
        path = self._service.version_path(paths.DOWNSTREAM, reference)
        usages: list[Usage] = []
        while True:
            wanted = min(limit - len(usages), PAGE)
            found = self._service.read(Downstream, path, limit=wanted, before=before)
            usages += found.usages
            if found.next is None or len(usages) >= limit:
                return found.model_copy(update={"usages": tuple(usages)})
            before = found.next

    def unmaterialized(
        self, reference: str | None = None, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Unmaterialized, ...]:
        return self._service.items(
            Unmaterialized, paths.UNMATERIALIZED, limit=limit, reference=reference, after=after
        )

    def retrain_like(self, reference: str) -> RetrainRequest:
        return self._service.read(
            RetrainRequest, self._service.version_path(paths.RETRAINING, reference)
        )

    def diff(self, a: str, b: str) -> LineageDifference:
        return self._service.read(LineageDifference, paths.LINEAGE_DIFFERENCE, a=a, b=b)

    def export_lineage(self, reference: str, format: ExportFormat) -> str:
        exported = Exported(
            self._versions.get(reference),
            next(iter(self._versions.trainings(reference, limit=1)), None),
            self.lineage(reference),
        )
        return export(exported, format)

    def impact(
        self,
        asset: str,
        partition: str | None = None,
        *,
        since: datetime | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Impact:
        query = {"asset": asset, "partition": partition, "since": since and since.isoformat()}
        versions: list[Affected] = []
        while True:
            wanted = PAGE if limit is None else min(limit - len(versions), PAGE)
            found = self._service.read(Impact, paths.IMPACT, limit=wanted, after=after, **query)
            versions += found.versions
            if found.next is None or (limit is not None and len(versions) >= limit):
                return found.with_versions(versions)
            after = found.next
