"""Search for versions by their metadata."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pedigree.access.records import Permission
from pedigree.catalog.search.records import Facet, SearchPage
from pedigree.contract.search import SearchContract
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup

if TYPE_CHECKING:
    from pedigree.catalog.search.search import FoundPage


class SearchOperations(ContextGroup, SearchContract):
    """Search for versions by their metadata."""

    def search(
        self,
        filter: str | None = None,
        *,
        order_by: str | Sequence[str] | None = None,
        limit: int = 100,
        after: str | None = None,
        count: bool = False,
        facets: Collection[Facet] = (),
    ) -> SearchPage:
        found = self.find_page(
            filter,
            order_by=order_by,
            limit=limit,
            after=after,
            count=count,
            facets=facets,
        )
        return found.built()

    def find_page(
        self,
        filter: str | None,
        *,
        order_by: str | Sequence[str] | None,
        limit: int,
        after: str | None,
        count: bool,
        facets: Collection[Facet],
    ) -> "FoundPage":
        """Return the result of :meth:`search`, for a caller that chooses its form.

        Raises:
            InvalidSearchError: As :meth:`search`.
            SearchTooBroadError: As :meth:`search`.
        """
        self._context.require_some(Permission.READ)
        from pedigree.catalog.search import search as paging  # noqa: PLC0415 -- its parser takes 0.2 s

        asked = paging.request(
            filter,
            order_by=order_by,
            limit=limit,
            after=after,
            count=count,
            facets=facets,
            seconds=self._context.settings.search_timeout.total_seconds(),
        ).naming(self._context.names.exactly)

        def read(connection: Transaction) -> "FoundPage":
            visible = self._context.visible_models(connection)
            return paging.search(connection, asked if visible is None else asked.among(visible))

        return self._context.database.search(read)
