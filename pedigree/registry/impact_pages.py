"""What depends on data, as a page shows it: without counting what it does not show."""

from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.contract._entrance import entrance_of
from pedigree.contract.lineage import LineageContract
from pedigree.lifecycle.impact import impact
from pedigree.lifecycle.impact_records import Impact
from pedigree.registry.context import ContextGroup


class ImpactPageOperations(ContextGroup):
    """What depends on data, as a page shows it."""

    def page(
        self, asset: str, partition: str | None, *, limit: int, after: str | None, counted: int
    ) -> Impact:
        """Return what the verb ``impact`` does, with fewer versions counted.

        Counting those without recorded lineage reads every one that ever was registered so.

        Args:
            asset: The asset's key.
            partition: One of its partitions; all of them when None.
            limit: How many versions at most.
            after: The last version of the previous page, as NAME/3.
            counted: How many versions without recorded lineage are counted at most.

        Raises:
            InvalidInputError: The verb would refuse an argument.
            InvalidReferenceError: The cursor is not a version.
        """
        entrance_of(LineageContract.impact).admit((asset, partition), {"limit": limit})
        self._context.require_some(Permission.READ)
        found = self._context.database.read(
            lambda transaction: impact(
                transaction,
                asset,
                partition,
                None,
                self._context.sight(transaction),
                visible=self._context.visible_models(transaction),
                limit=limit,
                after=after,
                counted=counted,
            )
        )
        return with_names(found, self._context.names) if self._context.shows_names else found
