"""Copies of a Dagster instance's events, and the trainings that its mirror has shown."""

from collections.abc import Collection, Sequence

from pedigree.catalog import materialization
from pedigree.catalog.materialization import ShownTraining
from pedigree.lineage import asset_events
from pedigree.lineage.asset_events import KeptEvent
from pedigree.registry.context import ContextGroup


class AssetEventOperations(ContextGroup):
    """Copies of a Dagster instance's events, and the trainings that its mirror has shown."""

    def keep_asset_events(self, instance_id: str, events: Sequence[KeptEvent]) -> None:
        """Store copies of asset events of a Dagster instance, which may delete its own."""
        self._context.database.transaction(
            lambda transaction: asset_events.keep_events(transaction, instance_id, events)
        )

    def kept_asset_events(self, instance_id: str, asset: str) -> tuple[KeptEvent, ...]:
        """Return the copies of an asset's events on a Dagster instance, the newest first."""
        return self._context.database.read(
            lambda transaction: asset_events.kept_events(transaction, instance_id, asset)
        )

    def see_instance(self, instance_id: str) -> None:
        """Record that a Dagster instance is reachable, because its mirror runs."""
        self._context.database.transaction(
            lambda transaction: materialization.see_instance(transaction, instance_id)
        )

    def end_awaiting(self, shown: Collection[ShownTraining]) -> None:
        """Record that an asset graph shows trainings, which ends the wait for them."""
        if shown:
            self._context.database.transaction(
                lambda transaction: materialization.end_awaiting(transaction, shown)
            )
