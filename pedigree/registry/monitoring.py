"""Watch what versions are given: what they learnt from, and how far today's data is from it."""

from collections.abc import Iterable
from typing import Any

from pedigree.artifacts.publish import put_blob
from pedigree.artifacts.store import lock_blobs, retry_if_collected
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.monitoring import store
from pedigree.monitoring.compare import compare
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import (
    DataProfile,
    DriftResult,
    DriftRule,
    Expectations,
    RecordedDrift,
)
from pedigree.monitoring.report import DriftReport, ReportDigests, render_report
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import keys_of
from pedigree.registry.stages import StageOperations


class MonitoringOperations(StageOperations):
    """Verbs for profiles and drift."""

    def keep_profile(
        self, reference: str, profile: DataProfile, *, actor: Actor | None = None
    ) -> None:
        """Keep the profile of what a version learnt from; the one it has already stays."""
        actor = actor or self.actor()
        self._update_version(
            reference,
            lambda transaction, version: store.insert_profile(transaction, version, profile, actor),
        )

    def profile(self, reference: str) -> DataProfile:
        """Return the profile of what a version learnt from.

        Raises:
            NotFoundError: None was kept.
        """
        return self._read_version(reference, store.profile_of)

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
        version = self.get(reference)
        baseline = self.profile(version.reference)
        rule = self.policy(version.model_name).drift or DriftRule()
        today = data if isinstance(data, DataProfile) else profile(data, like=baseline)
        result = DriftResult(
            reference=version.reference,
            asset=asset,
            partition=partition,
            baseline=baseline.digest,
            baseline_name=version.training_data_version or f"the training data of {reference}",
            data_version=data_version,
            rows=today.rows,
            comparison=compare(baseline, today, rule),
            expectations=tuple(expectations),
            run_id=run_id,
        )
        history = self.drift(version.reference, asset)
        report = render_report(result, baseline, today, rule, history)
        return self._keep_result(version, result, today, report, actor or self.actor())

    def _keep_result(
        self,
        version: ModelVersion,
        result: DriftResult,
        today: DataProfile,
        report: DriftReport,
        actor: Actor,
    ) -> RecordedDrift:
        def keep() -> RecordedDrift:
            digests = ReportDigests(
                *(put_blob(self.database, self.store, form.encode()) for form in report)
            )

            def write(transaction: Transaction) -> RecordedDrift:
                lock_blobs(transaction, set(digests))
                number = store.insert_result(
                    transaction, version, result, profile=today, report=digests, actor=actor
                )
                return store.result_of(transaction, number)

            return self.database.transaction(write)

        return retry_if_collected(keep)

    def drift(self, reference: str, asset: str | None = None) -> tuple[RecordedDrift, ...]:
        """Return the newest result of each partition that was held against a version, in order."""
        return self._read_version(
            reference,
            lambda transaction, version: store.newest_results(transaction, version, asset),
        )

    def drift_result(self, drift_id: int) -> RecordedDrift:
        """Return one result.

        Raises:
            NotFoundError: There is none of that number.
        """
        return self.database.read(lambda transaction: store.result_of(transaction, drift_id))

    def drift_report_text(self, drift_id: int, *, markdown: bool = False) -> str:
        """Return the report of one result, as HTML or as Markdown.

        Raises:
            NotFoundError: There is no such result, or its version was deleted.
            CorruptionError: The bytes are gone.
        """
        result = self.drift_result(drift_id)
        digest = result.markdown if markdown else result.html
        key = self._read_version(
            result.reference,
            lambda transaction, version: keys_of(transaction, version, {digest})[digest],
        )
        return b"".join(self.store.stream(key)).decode()

    def drift_report(self, result: RecordedDrift) -> tuple[str, str]:
        """Return where the object store holds a report, as HTML and as Markdown."""

        def read(transaction: Transaction, version: ModelVersion) -> tuple[str, str]:
            keys = keys_of(transaction, version, {result.html, result.markdown})
            html, markdown = keys[result.html], keys[result.markdown]
            return self.store.location(html), self.store.location(markdown)

        return self._read_version(result.reference, read)

    def alert_drift(self, drift_id: int, *, actor: Actor | None = None) -> bool:
        """Tell of an alarm by the event ``version.drift_detected``, and once.

        Raises:
            NotFoundError: There is no such result.
        """
        actor = actor or self.actor()
        return self.database.transaction(
            lambda transaction: store.mark_alerted(transaction, drift_id, actor)
        )
