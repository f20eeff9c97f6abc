"""Uses of versions by runs of the asset graph."""

from collections.abc import Sequence

from pedigree._record import PAGE
from pedigree._values import require_values
from pedigree.access.records import Permission
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.lineage import usages
from pedigree.lineage.usages import NewUsage, Usage
from pedigree.postgres.pages import at_least_one
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class UsageOperations(ContextGroup):
    """Uses of versions by runs of the asset graph."""

    def record_usage(self, reference: str, use: NewUsage) -> None:
        """Record that a run uses a version for an asset; repeating it adds only new facts.

        Raises:
            InvalidInputError: A text of the use is too long for an index, or no Unicode.
        """
        require_values(use)

        def write(transaction: Transaction, version: ModelVersion) -> None:
            usages.record_usage(transaction, name_key(version.model_name), version.version_id, use)

        self._context.update_version(Permission.DESCRIBE, reference, write)

    def unsettled_usages(
        self, instance_id: str | None, *, limit: int = PAGE, after: int = 0
    ) -> tuple[Usage, ...]:
        """Return usages by runs of one Dagster instance whose output is not known yet.

        Args:
            instance_id: The instance.
            limit: How many at most, the oldest first.
            after: The last ``usage_id`` of the previous page.
        """
        return self._context.database.read(
            lambda transaction: usages.unsettled_usages(
                transaction, instance_id, limit=at_least_one(limit), after=after
            )
        )

    def settle_usages(self, settled: Sequence[Usage]) -> None:
        """Record the outcome of usages; usages that are not settled stay unchanged."""
        self._context.database.transaction(
            lambda transaction: usages.settle_usages(transaction, settled)
        )
