"""Profiles of training data, and the drift of new data from them."""

from collections.abc import Iterable
from typing import Any, Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.audit.records import Actor
from pedigree.monitoring.records import DataProfile, Expectations, RecordedDrift


class MonitoringContract(Protocol):
    """Profiles of training data, and the drift of new data from them."""

    def keep_profile(
        self, reference: str, profile: DataProfile, *, actor: Actor | None = None
    ) -> None:
        """Store the profile of a version's training data; an existing profile stays."""

    def profile(self, reference: str) -> DataProfile:
        """Return the profile of a version's training data.

        Raises:
            NotFoundError: The version has no profile.
        """

    def measure_drift(
        self,
        reference: str,
        data: Any,
        *,
        asset: Key,
        partition: Key | None = None,
        data_version: Key | None = None,
        expectations: Iterable[Expectations] = (),
        run_id: Key | None = None,
        actor: Actor | None = None,
    ) -> RecordedDrift:
        """Compare data with a version's training data, by the rule of the model's policy.

        The result is stored, with a report in the object store.

        Args:
            reference: The version.
            data: An ibis table or a frame, which is profiled in place; or its profile.
            asset: The name of the data.
            partition: The partition of the data, such as a month.
            data_version: The version of the data.
            expectations: The results of its Great Expectations suites.
            run_id: The Dagster run that measures.
            actor: Who measures; this process's actor when None.

        Raises:
            NotFoundError: The version has no profile.
            MissingDependencyError: The extra ``monitoring`` is not installed.
        """

    def drift(
        self,
        reference: str,
        asset: Key | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[RecordedDrift, ...]:
        """Return the newest results of the last partitions compared with a version, in order.

        Args:
            reference: The version.
            asset: Only results of this data.
            limit: How many at most.
            before: The first ``drift_id`` of the page that follows.
        """

    def drift_result(self, drift_id: int) -> RecordedDrift:
        """Return one drift result.

        Raises:
            NotFoundError: There is no such result.
        """

    def drift_report_text(self, drift_id: int, *, markdown: bool = False) -> str:
        """Return the report of one drift result, as HTML or as Markdown.

        Raises:
            NotFoundError: There is no such result, or its version was deleted.
            CorruptionError: The bytes are gone.
        """

    def alert_drift(self, drift_id: int, *, actor: Actor | None = None) -> bool:
        """Emit the event ``version.drift_detected`` for an alarm, at most once.

        Raises:
            NotFoundError: There is no such result.
        """
