"""Copies of a Dagster instance's events, and what its mirror has shown."""

from collections.abc import Collection, Sequence

from pedigree.catalog import materialization
from pedigree.catalog.materialization import ShownTraining
from pedigree.lineage import asset_events
from pedigree.lineage.asset_events import KeptEvent
from pedigree.registry.context import ContextGroup


class AssetEventOperations(ContextGroup):
    """Copies of a Dagster instance's events, and what its mirror has shown."""

    def keep_asset_events(self, instance_id: str, events: Sequence[KeptEvent]) -> None:
        """Keep copies of asset events of a Dagster instance, which may delete its own."""
        self._context.database.transaction(
            lambda transaction: asset_events.keep_events(transaction, instance_id, events)
        )

    def kept_asset_events(self, instance_id: str, asset: str) -> tuple[KeptEvent, ...]:
        """Return the copies of an asset's events on a Dagster instance, the newest first."""
        return self._context.database.read(
            lambda transaction: asset_events.kept_events(transaction, instance_id, asset)
        )

    def see_instance(self, instance_id: str) -> None:
        """Keep that a Dagster instance is within reach: its mirror looks."""
        self._context.database.transaction(
            lambda transaction: materialization.see_instance(transaction, instance_id)
        )

    def end_awaiting(self, shown: Collection[ShownTraining]) -> None:
        """Keep that an asset graph shows trainings, so that nobody waits for them any more."""
        if shown:
            self._context.database.transaction(
                lambda transaction: materialization.end_awaiting(transaction, shown)
            )
