"""Find versions by what is known of them."""

from collections.abc import Collection, Sequence
from typing import Protocol

from pedigree.catalog.search.records import Facet, SearchPage


class SearchContract(Protocol):
    """Find versions by what is known of them."""

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
        """Return a page of the living versions that a filter finds; see ``docs/search.md``.

        Args:
            filter: Such as ``tags.team = 'growth' AND metrics.auc > 0.9 AND NOT stage = 'none'``;
                all versions when None.
            order_by: Such as ``"metrics.auc DESC, name"``. Without one the newest come first, or
                the best hits of a ``text MATCH``.
            limit: How many versions a page has, 1 to 1,000.
            after: The cursor of the page before, its ``next``.
            count: Count all that is found.
            facets: Count the most frequent values of ``stage``, ``flavor``, ``owner``, ``tag``.

        Raises:
            InvalidSearchError: Filter, order or cursor cannot be read, or name what is not
                allowed; the message points at the place and lists what is.
        """
