"""Upstream and downstream of versions."""

from datetime import datetime

from pedigree._record import PAGE
from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.catalog import lookups, materialization
from pedigree.catalog.diff import read_side
from pedigree.catalog.diff_records import LineageDifference
from pedigree.catalog.exports import ExportFormat, export
from pedigree.catalog.exports.source import Exported
from pedigree.catalog.lineage_diff import difference
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.retrain import retrain_like
from pedigree.catalog.training_records import RetrainRequest, Unmaterialized
from pedigree.contract.lineage import LineageContract
from pedigree.contract.versions import VersionContract
from pedigree.lifecycle.impact import impact
from pedigree.lifecycle.impact_records import Impact
from pedigree.lineage import usages
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.store import read_lineage
from pedigree.lineage.upstream import Upstream, upstream
from pedigree.lineage.usages import Downstream
from pedigree.postgres.pages import at_least_one
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context


class LineageOperations(LineageContract):
    """Upstream and downstream of versions."""

    def __init__(self, context: Context, versions: VersionContract) -> None:
        self._context = context
        self._versions = versions

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        def read(transaction: Transaction, version: ModelVersion) -> LineageGraph:
            key, number = name_key(version.model_name), version.version_id
            graph = read_lineage(transaction, key, number, newest=newest)
            return self._context.sight(transaction).graph(graph)

        return self._context.read_version(reference, read)

    def upstream(self, reference: str, *, newest: bool = False) -> Upstream:
        version = self._versions.get(reference)
        return upstream(version.reference, self.lineage(version.reference, newest=newest))

    def downstream(
        self, reference: str, *, limit: int = PAGE, before: int | None = None
    ) -> Downstream:
        limit = at_least_one(limit)

        def read(transaction: Transaction, version: ModelVersion) -> Downstream:
            key, number = name_key(version.model_name), version.version_id
            visible = self._context.visible_models(transaction)
            used = usages.usages_of(transaction, key, number, limit=limit, before=before)
            found = Downstream(
                reference=version.reference,
                usages=used,
                next=used[-1].usage_id if used.is_cut else None,
                **usages.trained_with(
                    transaction, key, number, version.created_at, visible
                )._asdict(),
            )
            return self._context.sight(transaction).downstream(found)

        return self._context.read_version(reference, read)

    def unmaterialized(
        self, reference: str | None = None, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Unmaterialized, ...]:
        self._context.require_some(Permission.READ)
        version = self._versions.get(reference) if reference is not None else None
        return self._context.database.read(
            lambda transaction: materialization.unmaterialized(
                transaction,
                name_key=name_key(version.model_name) if version else None,
                version=version.version_id if version else None,
                limit=limit,
                after=after,
                visible=self._context.visible_models(transaction),
            )
        )

    def retrain_like(self, reference: str) -> RetrainRequest:
        return self._context.read_version(reference, retrain_like)

    def diff(self, a: str, b: str) -> LineageDifference:
        one = self._context.read_version(a, read_side)
        other = self._context.read_version(b, read_side)
        return self._context.database.read(
            lambda transaction: self._context.sight(transaction).difference(
                difference(one, other), one.lineage, other.lineage
            )
        )

    def export_lineage(self, reference: str, format: ExportFormat) -> str:
        exported = Exported(
            self._versions.get(reference),
            next(iter(self._versions.trainings(reference, limit=1)), None),
            self.lineage(reference),
        )
        # Named here: each format has its own form for a text.
        return export(with_names(exported, self._context.names), format)

    def impact(
        self,
        asset: str,
        partition: str | None = None,
        *,
        since: datetime | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Impact:
        self._context.require_some(Permission.READ)
        since = since and lookups.in_a_zone("since", since)
        return self._context.database.read(
            lambda transaction: impact(
                transaction,
                asset,
                partition,
                since,
                self._context.sight(transaction),
                visible=self._context.visible_models(transaction),
                limit=limit,
                after=after,
            )
        )
