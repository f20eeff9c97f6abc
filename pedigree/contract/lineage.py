"""Upstream and downstream of versions."""

from datetime import datetime
from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.catalog.diff_records import LineageDifference
from pedigree.catalog.exports import ExportFormat
from pedigree.catalog.training_records import RetrainRequest, Unmaterialized
from pedigree.lifecycle.impact_records import Impact
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.upstream import Upstream
from pedigree.lineage.usages import Downstream


class LineageContract(Protocol):
    """Upstream and downstream of versions."""

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        """Return what a version was trained on, up to the known sources.

        Args:
            reference: The version.
            newest: Read the version's newest training instead of its first.
        """

    def upstream(self, reference: str, *, newest: bool = False) -> Upstream:
        """Return every asset and partition that a version depends on, and what is unknown.

        Args:
            reference: The version.
            newest: Read the version's newest training instead of its first.
        """

    def downstream(
        self, reference: str, *, limit: int = PAGE, before: int | None = None
    ) -> Downstream:
        """Return what was written with exactly this version, and the versions trained on that.

        The versions are grouped by certainty.

        Args:
            reference: The version.
            limit: How many usages at most, the newest first.
            before: The last ``usage_id`` of the previous page.
        """

    def unmaterialized(
        self, reference: str | None = None, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Unmaterialized, ...]:
        """Return the trainings that no asset graph shows because their instance is unreachable.

        Their instance has sent nothing for an hour, and no other instance has shown the version
        since its registration. A training leaves the list when a mirror shows the version.

        Args:
            reference: One version; all versions when None.
            limit: How many at most, the oldest first.
            after: The ``training_id`` of the last one of the previous page.
        """

    def retrain_like(self, reference: str) -> RetrainRequest:
        """Return how the newest training of a version ran, so that a run can repeat it.

        Raises:
            NotRetrainableError: No asset trained it.
        """

    def diff(self, a: str, b: str) -> LineageDifference:
        """Return how the lineage of version ``b`` differs from that of version ``a``.

        Raises:
            NotFoundError: A reference names no version.
        """

    def export_lineage(self, reference: str, format: ExportFormat) -> str:
        """Return the lineage of a version's first training in another tool's format, as JSON.

        Args:
            reference: The version.
            format: ``openlineage`` (a list of run events) or ``prov`` (W3C PROV-JSON).

        Raises:
            InvalidInputError: There is no such format.
            MissingDependencyError: The format's library is not installed.
        """

    def impact(
        self,
        asset: Key,
        partition: Key | None = None,
        *,
        since: datetime | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Impact:
        """Return the versions that depend on data, and where they are in use.

        They are grouped by certainty: versions that certainly depend on it, versions that possibly
        do, and versions for which it is unknown.

        Args:
            asset: The asset's key, parts joined by ``/``.
            partition: One of its partitions; all partitions when None.
            since: Only data recorded from this time on; with a time zone.
            limit: How many versions at most; all of them when None.
            after: The cursor ``next`` of the previous page.
        """
