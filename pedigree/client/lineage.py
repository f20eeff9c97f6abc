"""Follow lineage both ways over HTTP."""

from datetime import datetime

from pedigree.catalog.diff_records import LineageDifference
from pedigree.catalog.exports import ExportFormat, export
from pedigree.catalog.exports.source import Exported
from pedigree.catalog.records import RetrainRequest, Unmaterialized
from pedigree.client._session import PAGE
from pedigree.client.versions import ReadingOperations
from pedigree.lifecycle.impact_records import Impact
from pedigree.lineage.upstream import Upstream
from pedigree.lineage.usages import Downstream


class LineageOperations(ReadingOperations):
    """Verbs for what was made of what; each does what its namesake of ``Registry`` does."""

    def upstream(self, reference: str, *, newest: bool = False) -> Upstream:
        """List every asset and partition that a version depends on, and what is not known."""
        return self._read(Upstream, self._version_path(reference, "/upstream"), newest=newest)

    def downstream(
        self, reference: str, *, limit: int = PAGE, before: int | None = None
    ) -> Downstream:
        """Return what was written with exactly this version, and the versions trained on it."""
        path = self._version_path(reference, "/downstream")
        return self._read(Downstream, path, limit=limit, before=before)

    def unmaterialized(
        self, reference: str | None = None, *, limit: int = PAGE
    ) -> tuple[Unmaterialized, ...]:
        """Return the trainings that no asset graph shows, their instance being out of reach."""
        return self._read(
            tuple[Unmaterialized, ...], "/unmaterialized", reference=reference, limit=limit
        )

    def diff(self, a: str, b: str) -> LineageDifference:
        """Return in what the lineage of version ``b`` differs from that of version ``a``."""
        return self._read(LineageDifference, "/diff", a=a, b=b)

    def export_lineage(self, reference: str, format: ExportFormat) -> str:
        """Return the lineage of a version's first training in another tool's words, as JSON."""
        exported = Exported(
            self.get(reference), self.trainings(reference, limit=1)[0], self.lineage(reference)
        )
        return export(exported, format)

    def retrain_like(self, reference: str) -> RetrainRequest:
        """Return how the newest training of a version was run, so that a run can repeat it."""
        return self._read(RetrainRequest, self._version_path(reference, "/retraining"))

    def impact(
        self, asset: str, partition: str | None = None, *, since: datetime | None = None
    ) -> Impact:
        """Find the versions that certainly, possibly or, for all that is known, use some data."""
        moment = since and since.isoformat()
        return self._read(Impact, "/impact", asset=asset, partition=partition, since=moment)
