"""Search for versions by their metadata."""

from collections.abc import Collection, Sequence

from pedigree.catalog.search.records import Facet, SearchPage
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.search import SearchContract


class RemoteSearch(ServiceGroup, SearchContract):
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
        if order_by is not None and not isinstance(order_by, str):
            order_by = ", ".join(order_by)
        return self._service.read(
            SearchPage,
            paths.SEARCH,
            filter=filter,
            order_by=order_by,
            limit=limit,
            after=after,
            count=count,
            facets=list(facets) or None,
        )
