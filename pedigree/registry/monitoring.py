"""Profiles of training data, and the drift of new data from them."""

from collections.abc import Iterable
from typing import Any

from pedigree._record import PAGE
from pedigree.access.records import Permission
from pedigree.artifacts.content_upload import upload_contents
from pedigree.artifacts.records import digest_of
from pedigree.audit.records import Actor
from pedigree.catalog.blob_access import keys_of
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.catalog.restored_bytes import restored_by
from pedigree.contract.monitoring import MonitoringContract
from pedigree.contract.policies import PolicyContract
from pedigree.contract.versions import VersionContract
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
from pedigree.registry.context import Context

# A result has the profile of its data, so those of many partitions together can be large.
_PARTITIONS_IN_REPORT = 100


class MonitoringOperations(MonitoringContract):
    """Profiles of training data, and the drift of new data from them."""

    def __init__(
        self, context: Context, versions: VersionContract, policies: PolicyContract
    ) -> None:
        self._context = context
        self._versions = versions
        self._policies = policies

    def keep_profile(
        self, reference: str, profile: DataProfile, *, actor: Actor | None = None
    ) -> None:
        actor = self._context.actor(actor)
        self._context.update_version(
            Permission.DESCRIBE,
            reference,
            lambda transaction, version: store.insert_profile(transaction, version, profile, actor),
        )

    def profile(self, reference: str) -> DataProfile:
        return self._context.read_version(reference, store.profile_of)

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
        version = self._versions.get(reference)
        self._context.require(Permission.JUDGE, version.model_name)
        baseline = self.profile(version.reference)
        rule = self._policies.policy(version.model_name).drift or DriftRule()
        current = data if isinstance(data, DataProfile) else profile(data, like=baseline)
        result = DriftResult(
            reference=version.reference,
            asset=asset,
            partition=partition,
            baseline=baseline.digest,
            baseline_name=version.training_data_version or f"the training data of {reference}",
            data_version=data_version,
            rows=current.rows,
            comparison=compare(baseline, current, rule),
            expectations=tuple(expectations),
            run_id=run_id,
        )
        history = self.drift(version.reference, asset, limit=_PARTITIONS_IN_REPORT)
        report = render_report(result, baseline, current, rule, history)
        return self._keep_result(version, result, current, report, self._context.actor(actor))

    def drift(
        self,
        reference: str,
        asset: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[RecordedDrift, ...]:
        return self._context.read_version(
            reference,
            lambda transaction, version: store.newest_results(
                transaction, version, asset, limit=limit, before=before
            ),
        )

    def last_drift(self, reference: str) -> RecordedDrift | None:
        """Return the newest result of all that were compared with a version; None without one."""
        return self._context.read_version(reference, store.last_result)

    def drift_result(self, drift_id: int) -> RecordedDrift:
        return self._result(Permission.READ, drift_id)

    def drift_report_text(self, drift_id: int, *, markdown: bool = False) -> str:
        result = self.drift_result(drift_id)
        digest = result.markdown if markdown else result.html
        key = self._context.read_version(
            result.reference,
            lambda transaction, version: keys_of(transaction, version, {digest})[digest],
        )
        return b"".join(self._context.store.stream(key)).decode()

    def alert_drift(self, drift_id: int, *, actor: Actor | None = None) -> bool:
        self._result(Permission.JUDGE, drift_id)
        actor = self._context.actor(actor)
        return self._context.database.transaction(
            lambda transaction: store.mark_alerted(transaction, drift_id, actor)
        )

    def _result(self, permission: Permission, drift_id: int) -> RecordedDrift:
        """Return a result, and require a permission for its model."""
        found = self._context.database.read(
            lambda transaction: store.result_of(transaction, drift_id)
        )
        self._context.require(permission, parse_reference(found.reference).name)
        return found

    def _keep_result(
        self,
        version: ModelVersion,
        result: DriftResult,
        current: DataProfile,
        report: DriftReport,
        actor: Actor,
    ) -> RecordedDrift:
        forms = [form.encode() for form in report]
        digests = ReportDigests(*map(digest_of, forms))

        def write(transaction: Transaction) -> RecordedDrift:
            number = store.insert_result(
                transaction, version, result, profile=current, report=digests, actor=actor
            )
            return store.result_of(transaction, number)

        database, objects = self._context.database, self._context.store
        contents = dict(zip(digests, forms, strict=True))
        return upload_contents(database, objects, contents, write, restored_by(actor))

    def drift_report(self, result: RecordedDrift) -> tuple[str, str]:
        """Return the locations of a report in the object store: its HTML and its Markdown."""

        def read(transaction: Transaction, version: ModelVersion) -> tuple[str, str]:
            keys = keys_of(transaction, version, {result.html, result.markdown})
            html, markdown = keys[result.html], keys[result.markdown]
            return self._context.store.location(html), self._context.store.location(markdown)

        return self._context.read_version(result.reference, read)
