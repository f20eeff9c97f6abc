"""What versions were made of, and what was made of them."""

from datetime import datetime
from typing import Protocol

from pedigree._record import PAGE
from pedigree.catalog.diff_records import LineageDifference
from pedigree.catalog.exports import ExportFormat
from pedigree.catalog.training_records import RetrainRequest, Unmaterialized
from pedigree.lifecycle.impact_records import Impact
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.upstream import Upstream
from pedigree.lineage.usages import Downstream


class LineageContract(Protocol):
    """What versions were made of, and what was made of them."""

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        """Return what a version was trained on, down to the sources that are known.

        Args:
            reference: The version.
            newest: The version's newest training instead of its first.
        """

    def upstream(self, reference: str, *, newest: bool = False) -> Upstream:
        """List every asset and partition that a version depends on, and what is not known.

        Args:
            reference: The version.
            newest: The version's newest training instead of its first.
        """

    def downstream(
        self, reference: str, *, limit: int = PAGE, before: int | None = None
    ) -> Downstream:
        """Return what was written with exactly this version, and the versions trained on it.

        These are told apart by how certain it is.

        Args:
            reference: The version.
            limit: How many usages at most, the newest first.
            before: The ``usage_id`` that the page before ended with.
        """

    def unmaterialized(
        self, reference: str | None = None, *, limit: int = PAGE
    ) -> tuple[Unmaterialized, ...]:
        """Return the trainings that no asset graph shows, their instance being out of reach.

        Nothing was heard of the instance for an hour, nor was the version shown anywhere since it
        was registered. It comes to an end when a mirror shows the version.

        Args:
            reference: One version; all of them when None.
            limit: How many at most, the oldest first.
        """

    def retrain_like(self, reference: str) -> RetrainRequest:
        """Return how the newest training of a version was run, so that a run can repeat it.

        Raises:
            NotRetrainableError: It was trained by no asset.
        """

    def diff(self, a: str, b: str) -> LineageDifference:
        """Return in what the lineage of version ``b`` differs from that of version ``a``.

        Raises:
            NotFoundError: A reference names nothing.
        """

    def export_lineage(self, reference: str, format: ExportFormat) -> str:
        """Return the lineage of a version's first training in another tool's words, as JSON.

        Args:
            reference: The version.
            format: ``openlineage`` (a list of run events) or ``prov`` (W3C PROV-JSON).

        Raises:
            InvalidInputError: There is no such format.
            MissingDependencyError: Its library is not installed.
        """

    def impact(
        self, asset: str, partition: str | None = None, *, since: datetime | None = None
    ) -> Impact:
        """Find the versions that depend on some data, and where they are in use.

        They are told apart by how certain it is: those that certainly do, that possibly do, and of
        which it is not known.

        Args:
            asset: The asset's key, parts joined by ``/``.
            partition: One of its partitions; all of them when None.
            since: Only data that was recorded from then on; with its time zone.
        """
