"""The feed of events."""

from collections.abc import Collection

from pedigree.access.records import Permission
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.contract.events import EventContract
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class EventOperations(ContextGroup, EventContract):
    """The feed of events."""

    def events(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        types: Collection[EventType] | None = None,
        model: str | None = None,
    ) -> tuple[Event, ...]:
        self._context.require_some(Permission.READ, model)
        log.sequence(self._context.database)

        def read(transaction: Transaction) -> tuple[Event, ...]:
            visible = self._context.visible_models(transaction) if model is None else None
            return log.read(
                transaction, after=after, limit=limit, types=types, model=model, visible=visible
            )

        return self._context.database.read(read)

    def entries(self, after: int, limit: int) -> tuple[log.FeedEntry, ...]:
        """Return which models and versions the events after a place of the feed concern.

        Raises:
            NotPermittedError: The principal may not read all models.
        """
        self._context.require(Permission.READ)
        return log.entries(self._context.database, after, limit)
