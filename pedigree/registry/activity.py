"""What happened recently: events, decisions, overrides and requests, the newest first."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.audit import log, log_search
from pedigree.audit.log_search import EventFilter, FoundEvents
from pedigree.lifecycle import recent, tenures
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.recent import DecisionOfModel, OverrideOfModel, RecentPage
from pedigree.lifecycle.records import Tenure
from pedigree.postgres.asked import asked_by
from pedigree.postgres.asker import PROCESS
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup

T = TypeVar("T")


class ActivityOperations(ContextGroup):
    """What happened recently: events, decisions, overrides and requests, the newest first."""

    def recent_events(
        self, wanted: EventFilter, *, limit: int = 50, before: int | None = None
    ) -> FoundEvents:
        """Return a page of the events that fit, of models that the principal may read.

        Each page reads a bounded part of the log. It may end early, and then says so.

        Args:
            wanted: Which events; its actor is a name as answers show it.
            limit: How many at most.
            before: The ``older`` of the previous page.

        Raises:
            NotPermittedError: The principal may read no model, or not the given one.
        """
        context = self._context
        context.require_some(Permission.READ, wanted.model)
        log.sequence(context.database)
        if wanted.actor is not None:
            wanted = wanted._replace(actor=context.names.known(wanted.actor))
        # A place says nothing about the event that is there.
        span = log_search.span_of(asked_by(context.database, PROCESS), wanted, before)

        def read(transaction: Transaction) -> FoundEvents:
            visible = context.visible_models(transaction) if wanted.model is None else None
            return log_search.newest(transaction, wanted, span, limit=limit, visible=visible)

        return self._named(context.database.read(read))

    def recent_decisions(
        self, *, by: str | None = None, limit: int = 50, before: int | None = None
    ) -> RecentPage[DecisionOfModel]:
        """Return a page of approvals and rejections, of models that the principal may read.

        Args:
            by: Only those of this person, by name; of all when None.
            limit: How many at most.
            before: The ``older`` of the previous page.

        Raises:
            NotPermittedError: The principal may read no model.
        """
        person = None if by is None else self._context.names.known(by)
        return self._of_models(
            lambda transaction, visible: recent.recent_decisions(
                transaction, limit=limit, before=before, visible=visible, person=person
            )
        )

    def recent_overrides(
        self, *, limit: int = 50, before: int | None = None
    ) -> RecentPage[OverrideOfModel]:
        """Return a page of overrides, of models that the principal may read.

        Raises:
            NotPermittedError: The principal may read no model.
        """
        return self._of_models(
            lambda transaction, visible: recent.recent_overrides(
                transaction, limit=limit, before=before, visible=visible
            )
        )

    def requests_of(
        self, person: str, *, limit: int = 50, before: int | None = None
    ) -> RecentPage[StageRequest]:
        """Return a page of a person's requests for stages, open and ended ones.

        Args:
            person: The name of the person.
            limit: How many at most.
            before: The ``older`` of the previous page.

        Raises:
            NotPermittedError: The principal may read no model.
        """
        known = self._context.names.known(person)
        return self._of_models(
            lambda transaction, visible: recent.recent_requests(
                transaction, known, limit=limit, before=before, visible=visible
            )
        )

    def held_within(
        self, name: str, since: datetime, until: datetime, *, limit: int = 200
    ) -> tuple[Tenure, ...]:
        """Return what a model's stages and aliases pointed to at any time of a period.

        Args:
            name: The model.
            since: The beginning of the period.
            until: Its end, which is not included.
            limit: How many tenures at most.

        Raises:
            NotPermittedError: The principal may not read the model.
            ModelNotFoundError: There is no such model.
            InvalidInputError: A time has no time zone.
        """
        self._context.require(Permission.READ, name)
        return self._named(
            self._context.database.read(
                lambda transaction: tenures.held_within(
                    transaction, name, since, until, limit=limit
                )
            )
        )

    def _of_models(self, read: Callable[[Transaction, list[str] | None], T]) -> T:
        """Return what is read of the models that the principal may read."""
        context = self._context
        context.require_some(Permission.READ)
        return self._named(
            context.database.read(
                lambda transaction: read(transaction, context.visible_models(transaction))
            )
        )

    def _named(self, result: T) -> T:
        """Return a result with names instead of pseudonyms, unless its caller puts them there."""
        return with_names(result, self._context.names) if self._context.shows_names else result
