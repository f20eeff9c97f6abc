"""Search for versions by their metadata."""

from collections.abc import Collection, Sequence
from typing import Protocol

from pedigree.catalog.search.records import Facet, SearchPage


class SearchContract(Protocol):
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
        """Return a page of the versions that match a filter, without deleted ones.

        The filter's syntax is in ``docs/search.md``.

        Args:
            filter: Such as ``tags.team = 'growth' AND metrics.auc > 0.9 AND NOT stage = 'none'``;
                all versions when None.
            order_by: Such as ``"metrics.auc DESC, name"``. Without one the newest come first, or
                the best hits of a ``text MATCH``.
            limit: How many versions a page has, 1 to 1,000.
            after: The cursor ``next`` of the previous page.
            count: Count all matching versions. A count that takes too long is an estimate, and the
                page says so in ``total_is_estimate``.
            facets: Count the most frequent values of ``stage``, ``flavor``, ``owner``, ``tag``;
                those of many versions are estimates, see ``facets_are_estimates``.

        Raises:
            InvalidSearchError: Filter, order or cursor cannot be parsed, or name a field that is
                not allowed; the message shows the place and lists the allowed fields.
            SearchTooBroadError: It takes longer than ``PEDIGREE_SEARCH_TIMEOUT``; the message marks
                the term that makes it slow, and says what narrows it.
        """
