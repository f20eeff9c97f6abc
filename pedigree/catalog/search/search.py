"""A search, from the text of its filter to the records of a page."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from pedigree.catalog.rows import version_from_search_row, version_json
from pedigree.catalog.search import ranking
from pedigree.catalog.search.ast import (
    And,
    Comparison,
    Expression,
    Field,
    FieldPlace,
    Literal,
    Not,
    Or,
    comparisons,
)
from pedigree.catalog.search.breadth import too_broad
from pedigree.catalog.search.counting import Counting, FacetCounts, check_facets
from pedigree.catalog.search.execution import Execution, TimeIsUpError, read_records
from pedigree.catalog.search.fields import FIELDS, compares_names
from pedigree.catalog.search.fuzzy_words import tsqueries
from pedigree.catalog.search.grammar import parse_filter
from pedigree.catalog.search.known_values import with_known_values
from pedigree.catalog.search.normal_form import normalized
from pedigree.catalog.search.ordering import (
    Position,
    SortKey,
    parse_order,
    read_cursor,
    write_cursor,
)
from pedigree.catalog.search.plans import find
from pedigree.catalog.search.records import Facet, SearchPage
from pedigree.catalog.search.statements import Search, position_of
from pedigree.errors import InvalidInputError
from pedigree.postgres.pages import FetchedPage
from pedigree.postgres.transaction import Row, Transaction

MAX_LIMIT = 1_000
# Of a part of the filter that its author did not write.
_NOWHERE = FieldPlace(start=0, end=0)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A validated search."""

    expression: Expression | None
    order: tuple[SortKey, ...]
    by_rank: bool
    limit: int
    after: Position | None
    bound_to: str
    count: bool
    facets: tuple[Facet, ...]
    seconds: float
    """How long it may take."""
    filter: str
    order_by: str

    def naming(self, pseudonyms: Callable[[Sequence[str]], Mapping[str, str]]) -> Self:
        """Return the same search with pseudonyms instead of the names that values must equal.

        Args:
            pseudonyms: Returns the pseudonyms of exactly these names, without unknown ones.
        """
        named = [each for each in comparisons(self.expression) if _equals_name(each)]
        if self.expression is None or not named:
            return self
        names = {str(one.value) for each in named for one in each.values}
        known = pseudonyms(sorted(names))
        return replace(self, expression=_renamed(self.expression, known))

    def among(self, names: Sequence[str]) -> Self:
        """Return the same search for versions of some models only."""
        # No model has an empty name, so without any name the search finds nothing.
        values = tuple(Literal(value=name, place=_NOWHERE) for name in names or [""])
        field = Field(name="name", place=_NOWHERE)
        of_these = Comparison(field=field, operator="IN", values=values, place=_NOWHERE)
        parts = (of_these,) if self.expression is None else (of_these, self.expression)
        return replace(self, expression=normalized(And(parts)))


def request(
    filter: str | None,
    *,
    order_by: str | Sequence[str] | None,
    limit: int,
    after: str | None,
    count: bool,
    facets: Collection[Facet],
    seconds: float,
) -> Request:
    """Return a validated search.

    Raises:
        InvalidSearchError: Filter, order or cursor cannot be read, or name what is not allowed.
        InvalidInputError: The limit is outside its domain, or a facet does not exist.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(
            "is outside its domain", field="limit", value=limit, remedy=f"Give 1 to {MAX_LIMIT}"
        )
    check_facets(facets)
    expression = normalized(parse_filter(filter or ""))
    order = parse_order(order_by)
    by_rank = order_by is None and bool(ranking.matches(expression))
    bound_to = f"{filter or ''}\0{'rank' if by_rank else ', '.join(map(str, order))}"
    return Request(
        expression=expression,
        order=order,
        by_rank=by_rank,
        limit=limit,
        after=None if after is None else read_cursor(after, bound_to),
        bound_to=bound_to,
        count=count,
        facets=tuple(facets),
        seconds=seconds,
        filter=filter or "",
        order_by=", ".join(map(str, order)),
    )


def _equals_name(found: Comparison) -> bool:
    return FIELDS[found.field.name].names_people and not compares_names(found)


def _renamed(expression: Expression, known: Mapping[str, str]) -> Expression:
    match expression:
        case And(parts):
            return And(tuple(_renamed(part, known) for part in parts))
        case Or(parts):
            return Or(tuple(_renamed(part, known) for part in parts))
        case Not(inner):
            return Not(_renamed(inner, known))
        case Comparison() if _equals_name(expression):
            return replace(
                expression,
                values=tuple(
                    replace(one, value=known.get(str(one.value), one.value))
                    for one in expression.values
                ),
            )
        case _:
            return expression


@dataclass(frozen=True)
class FoundPage:
    """One page of search results, in two forms.

    The rows have the versions as JSON text. A caller in this process reads them as records. A
    remote caller gets the text, since building records and serializing them again takes longer than
    the rest of a search.
    """

    rows: tuple[Row, ...]
    page: SearchPage
    """The page without its records."""
    plan: str
    """How it was found, for people; see :mod:`pedigree.catalog.search.plans`."""

    def built(self) -> SearchPage:
        """Return the page with its records."""
        records = tuple(map(version_from_search_row, self.rows))
        return self.page.model_copy(update={"records": records})

    def json(self) -> bytes:
        """Return the JSON of :meth:`built`."""
        records = ",".join(map(version_json, self.rows))
        rest = self.page.model_dump_json(exclude={"records"})
        return f'{{"records":[{records}],{rest[1:]}'.encode()


def search(transaction: Transaction, asked: Request) -> FoundPage:
    """Return a page of the living versions that a filter finds.

    Raises:
        SearchTooBroadError: It takes longer than it may.
    """
    execution = Execution(transaction, asked.seconds)
    try:
        return _search(execution, asked)
    except TimeIsUpError as error:
        raise too_broad(asked.expression, asked.filter, asked.order_by, asked.seconds) from error


def _search(execution: Execution, asked: Request) -> FoundPage:
    wanted = Search(
        expression=with_known_values(execution, asked.expression),
        order=asked.order,
        limit=asked.limit + 1,  # whether there is a next page
        after=asked.after,
        words=tsqueries(execution.transaction, asked.expression),
    )
    found = ranking.best(execution, wanted) if asked.by_rank else find(execution, wanted)
    is_all = asked.after is None and len(found.rows) < wanted.limit and not asked.by_rank
    counting = Counting(
        execution, replace(wanted, after=None), everything=found.rows if is_all else None
    )
    facets = counting.facets(asked.facets) if asked.facets else FacetCounts({}, is_estimate=False)
    total = counting.total if asked.count else None
    shown = read_records(execution.transaction, found.rows[: asked.limit])
    last = _last_of_page(found.rows, shown, asked.limit)
    page = SearchPage(
        records=(),
        next=write_cursor(last, asked.bound_to) if last else None,
        total=total.versions if total else None,
        total_is_estimate=bool(total and total.is_estimate),
        facets=facets.values,
        facets_are_estimates=facets.is_estimate,
        ranked_newest=ranking.RANKED if asked.by_rank else None,
    )
    return FoundPage(tuple(shown.rows), page, found.plan)


def _last_of_page(found: list[Row], shown: FetchedPage, limit: int) -> Position | None:
    """Return the place after which the next page begins; None if there is no next page."""
    if shown.is_cut:
        return position_of(found[shown.rows[-1]["place"] - 1])
    return position_of(found[limit - 1]) if len(found) > limit else None
