"""Search for versions by their metadata."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.search.records import Facet, SearchPage
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.parameters import Limit
from pedigree.server.http.requests import ReadCall
from pedigree.server.http.resources import resource

router = resource("registry")

_MOST_FILTER = 8000
_MOST_ORDER = 2000


@router.get(paths.SEARCH, responses={200: {"model": SearchPage}})
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def search(
    call: ReadCall,
    *,
    filter: Annotated[
        str | None,
        Query(max_length=_MOST_FILTER, description="Such as tags.team = 'x' AND metrics.auc > 0.9"),
    ] = None,
    order_by: Annotated[
        str | None, Query(max_length=_MOST_ORDER, description="Such as metrics.auc DESC, name")
    ] = None,
    limit: Limit = 100,
    after: Annotated[
        str | None,
        Query(max_length=_MOST_ORDER, description="The cursor next of the previous page"),
    ] = None,
    count: Annotated[bool, Query(description="Count all matching versions")] = False,
    facets: Annotated[
        list[Facet] | None,
        Query(max_length=4, description="Count the most frequent values of these"),
    ] = None,
) -> Response:
    """Return a page of the versions that match a filter, not deleted ones; see docs/search.md."""
    found = call.registry.operations.search.find_page(
        filter,
        order_by=order_by,
        limit=limit,
        after=after,
        count=count,
        facets=facets or (),
    )
    return call.paged_json(found.json(), found.page.next)
