"""A search as it was asked, and its validity."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from pydantic import JsonValue

from pedigree.catalog.mlflow_search.conditions import (
    Comparator,
    ConditionField,
    Conditions,
    OrderField,
    SearchedKind,
)
from pedigree.catalog.mlflow_search.filters import parse_filter
from pedigree.catalog.mlflow_search.ordering import SortedBy, sorted_by
from pedigree.catalog.mlflow_search.orders import parse_order
from pedigree.catalog.mlflow_search.page_tokens import read_token, write_token
from pedigree.catalog.mlflow_search.refusals import RefusedSearchError
from pedigree.errors import SearchTooBroadError
from pedigree.postgres.pages import FetchedPage
from pedigree.postgres.transaction import Row


class AskedPage(NamedTuple):
    """A valid search, and the page of it that is wanted.

    Args:
        kind: What is searched for.
        text: The filter as given.
        conditions: What must hold.
        order: The order.
        limit: How many results a page has.
        after: The place that the page follows; None for the first page.
    """

    kind: SearchedKind
    text: str
    conditions: Conditions
    order: SortedBy
    limit: int
    after: tuple[JsonValue, ...] | None

    @classmethod
    def of(
        cls, kind: SearchedKind, filter: str, order_by: Sequence[str], *, limit: int, token: str
    ) -> Self:
        """Return a search.

        Args:
            kind: What is searched for.
            filter: In MLflow's grammar.
            order_by: In MLflow's grammar.
            limit: How many results a page has.
            token: That of the previous page; empty for the first one.

        Raises:
            RefusedSearchError: One of them is not valid.
        """
        if limit < 1:
            raise RefusedSearchError(
                f"Invalid value for max_results. It must be a positive integer, but got {limit}"
            )
        conditions = parse_filter(filter, kind)
        keys = parse_order(order_by, kind)
        of_one = kind is SearchedKind.VERSIONS and name_of_all(conditions) is not None
        order = sorted_by(keys, of_one_model=of_one)
        asked = cls(kind, filter, conditions, order, limit, None)
        if not token:
            return asked
        kinds = [str if key.field is OrderField.NAME else int for key in order.keys]
        return asked._replace(after=read_token(token, asked._bound_to, kinds))

    @property
    def _bound_to(self) -> str:
        order = ", ".join(f"{key.field} {key.descending}" for key in self.order.keys)
        return f"{self.kind}\0{self.text}\0{order}"

    def next_token(self, found: Sequence[Row], shown: FetchedPage) -> str | None:
        """Return the token of the next page; None if there is none.

        Args:
            found: The results in their order, one more than the limit if there are further ones.
            shown: What the page shows of them.
        """
        if shown.is_cut:
            last = found[shown.rows[-1]["place"] - 1]
        elif len(found) > self.limit:
            last = found[self.limit - 1]
        else:
            return None
        place = tuple(last[f"k{index}"] for index in range(len(self.order.keys)))
        return write_token(place, self._bound_to)

    def too_broad(self, seconds: float) -> SearchTooBroadError:
        """Return the error of a search that takes longer than it may."""
        return SearchTooBroadError(
            f"the search takes longer than {seconds:g} s",
            expression=self.text,
            place=(0, len(self.text)),
            remedy="Add a condition that few results satisfy, such as a name, a run or a tag",
        )


def name_of_all(conditions: Conditions) -> str | None:
    """Return the name that all results have; None if there is no such name."""
    for each in conditions.parts:
        if each.field is ConditionField.NAME and each.comparator is Comparator.EQUAL:
            return str(each.value)
    return None
