"""Profiles of what versions learnt from, and how far data is from them."""

from collections.abc import Iterable
from typing import Any, Protocol

from pedigree.audit.records import Actor
from pedigree.monitoring.records import DataProfile, Expectations, RecordedDrift


class MonitoringContract(Protocol):
    """Profiles of what versions learnt from, and how far data is from them."""

    def keep_profile(
        self, reference: str, profile: DataProfile, *, actor: Actor | None = None
    ) -> None:
        """Keep the profile of what a version learnt from; the one it has already stays."""

    def profile(self, reference: str) -> DataProfile:
        """Return the profile of what a version learnt from.

        Raises:
            NotFoundError: None was kept.
        """

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
        """Hold some data against what a version learnt from, by the rule of its policy.

        What was found is kept, with a report in the object store.

        Args:
            reference: The version.
            data: An ibis table or a frame, which is profiled where it lies; or its profile.
            asset: What the data is called.
            partition: Which part of it this is, such as a month.
            data_version: Its version.
            expectations: How its suites of Great Expectations went.
            run_id: The Dagster run that asks.
            actor: Who asks; found out when None.

        Raises:
            NotFoundError: The version has no profile.
            MissingDependencyError: The extra ``monitoring`` is not installed.
        """

    def drift(self, reference: str, asset: str | None = None) -> tuple[RecordedDrift, ...]:
        """Return the newest result of each partition that was held against a version, in order."""

    def drift_result(self, drift_id: int) -> RecordedDrift:
        """Return one result.

        Raises:
            NotFoundError: There is none of that number.
        """

    def drift_report_text(self, drift_id: int, *, markdown: bool = False) -> str:
        """Return the report of one result, as HTML or as Markdown.

        Raises:
            NotFoundError: There is no such result, or its version was deleted.
            CorruptionError: The bytes are gone.
        """

    def alert_drift(self, drift_id: int, *, actor: Actor | None = None) -> bool:
        """Tell of an alarm by the event ``version.drift_detected``, and once.

        Raises:
            NotFoundError: There is no such result.
        """
