"""Find the versions of a page with one of three plans, for every order and filter.

*In order*: an index has the order; it is scanned and filtered until the page is full. For words
(tags, stage, owner …) in time order, their posting lists are scanned in parallel. In time order
this is tried first, for as many versions as cost little.
*Few hits*: a part of the filter finds few versions; these are fetched, filtered and sorted.
*All*: neither holds, and all versions that the filter finds are sorted.
"""

from collections.abc import Sequence
from dataclasses import replace

from psycopg import sql

from pedigree.catalog.search import selectivity
from pedigree.catalog.search.ast import Expression
from pedigree.catalog.search.execution import ANY, MERGED, NESTED, NESTED_REPLAN
from pedigree.catalog.search.statements import (
    Search,
    after_page,
    page,
    selected,
    translator_of,
)
from pedigree.catalog.search.to_sql import Translator, fields_of, joins
from pedigree.postgres.transaction import Row, Transaction

_ALL = sql.SQL("pedigree.search_version s")
_WALKED = frozenset({"created_at", "name", "stage", "flavor"})
_TRIED = 40
"""The versions scanned per version of the page, before counting decides on a plan."""


def find(transaction: Transaction, search: Search) -> list[Row]:
    """Return the rows of a page; see :func:`~pedigree.catalog.search.statements.position_of`."""
    lists = [part for part in search.parts if selectivity.posting(part, translator_of(search))]
    if search.by_time:
        if lists and len(lists) == len(search.parts):
            return _along_lists(transaction, search, lists)
        if not any(map(selectivity.names_few, search.parts)):
            tried = _try_walk(transaction, search, lists)
            if len(tried) == search.limit:
                return tried
    if search.parts:
        part, count = selectivity.fewest(transaction, search.parts, search.words)
        if part is not None and count <= selectivity.FEW:
            return _among_few(transaction, search, part)
    return _in_order(transaction, search, lists)


def _in_order(transaction: Transaction, search: Search, lists: Sequence[Expression]) -> list[Row]:
    first = search.order[0]
    if search.by_time and lists:
        return _along_lists(transaction, search, lists)
    if first.field.name == "metrics" and len(search.order) == 1:
        return _along_metric(transaction, search)
    translator = translator_of(search)
    statement = selected(search, translator, _ALL)
    plan = NESTED_REPLAN if first.field.name in _WALKED else ANY
    return page(transaction, statement, translator, plan)


def _among_few(transaction: Transaction, search: Search, part: Expression) -> list[Row]:
    translator = translator_of(search)
    # The limit shows the planner how few rows there are; the result is always smaller.
    hits = sql.SQL("({} LIMIT {}) AS hits JOIN pedigree.search_version s USING (model_id, version)")
    source = hits.format(selectivity.driving(part, translator), sql.Literal(selectivity.FEW + 1))
    statement = selected(search, translator, source)
    return page(transaction, statement, translator, NESTED_REPLAN)


def _try_walk(transaction: Transaction, search: Search, lists: Sequence[Expression]) -> list[Row]:
    """Scan a few versions in time order, which costs little and may fill the page."""
    most = _TRIED * search.limit
    if lists and not selectivity.are_columns(lists):
        return _along_lists(transaction, search, lists, most)
    translator = translator_of(search)
    source = sql.SQL(
        "(SELECT * FROM pedigree.search_version s WHERE {} AND {}"
        " ORDER BY created_at {way}, model_id {way}, version {way} LIMIT {most}) AS s"
    ).format(
        translator.all_of(lists),
        after_page(search, translator, ("created_at", "model_id", "version")),
        way=search.way,
        most=sql.Literal(most),
    )
    statement = selected(search, translator, source)
    return page(transaction, statement, translator, NESTED_REPLAN)


def _along_lists(
    transaction: Transaction,
    search: Search,
    lists: Sequence[Expression],
    most: int | None = None,
) -> list[Row]:
    """Scan the posting lists of words in parallel, at most ``most`` versions."""
    translator = translator_of(search)
    after = after_page(search, translator, ("created_at", "model_id", "version"))
    first, *others = (
        sql.SQL("({} AND {})").format(selectivity.posting(part, translator), after)
        for part in lists
    )
    joined = [
        sql.SQL(" JOIN {} AS l{} USING (created_at, model_id, version)").format(
            other, sql.Literal(index)
        )
        for index, other in enumerate(others, 1)
    ]
    order = sql.SQL("ORDER BY created_at {0}, model_id {0}, version {0}").format(search.way)
    source: sql.Composable = sql.Composed([first, sql.SQL(" AS l0"), *joined])
    if most is not None:
        source = sql.SQL("(SELECT created_at, model_id, version FROM {} {} LIMIT {}) AS l0").format(
            source, order, sql.Literal(most)
        )
    statement = sql.SQL(
        "SELECT model_id, version, created_at AS k0 FROM {source} WHERE {rest} {order}"
        " LIMIT {limit}"
    ).format(
        source=source,
        rest=_rest(search, lists, translator),
        order=order,
        limit=translator.parameters.add(search.limit),
    )
    return page(transaction, statement, translator, MERGED if others else NESTED)


def _rest(search: Search, lists: Sequence[Expression], translator: Translator) -> sql.Composable:
    """Return the conditions that the lists do not cover, as a subquery that is not flattened."""
    parts = [part for part in search.parts if part not in lists]
    if not parts:
        return sql.SQL("true")
    fields = [field for part in parts for field in fields_of(part)]
    return sql.SQL(
        "(SELECT {} FROM pedigree.search_version s{}"
        " WHERE s.model_id = l0.model_id AND s.version = l0.version)"
    ).format(translator.all_of(parts), joins(fields))


def _along_metric(transaction: Transaction, search: Search) -> list[Row]:
    """Scan the versions with the metric by its value, and then those without it."""
    found: list[Row] = []
    if search.after is None or search.after.values[0] is not None:
        found = _with_metric(transaction, search)
    if len(found) == search.limit:
        return found
    translator = translator_of(search)
    key = search.order[0]
    ended = search.after if search.after and search.after.values[0] is None else None
    rest = replace(search, after=ended, limit=search.limit - len(found))
    statement = sql.SQL(
        "SELECT s.model_id, s.version, NULL AS k0 FROM pedigree.search_version s{joins}"
        " WHERE {metric} IS NULL AND {filter} AND {after}"
        " ORDER BY s.model_id {way}, s.version {way} LIMIT {limit}"
    ).format(
        joins=joins(fields_of(search.expression)),
        metric=translator.column(key.field),
        filter=translator.all_of(search.parts),
        after=after_page(rest, translator, ("s.model_id", "s.version")),
        way=search.way,
        limit=translator.parameters.add(rest.limit),
    )
    return found + page(transaction, statement, translator)


def _with_metric(transaction: Transaction, search: Search) -> list[Row]:
    translator = translator_of(search)
    statement = sql.SQL(
        "SELECT o.model_id, o.version, o.value AS k0 FROM pedigree.search_metric o"
        " JOIN pedigree.search_version s ON s.model_id = o.model_id AND s.version = o.version"
        "{joins} WHERE o.key = {key} AND {filter} AND {after}"
        " ORDER BY o.value {way}, o.model_id {way}, o.version {way} LIMIT {limit}"
    ).format(
        joins=joins(fields_of(search.expression)),
        key=translator.parameters.add(search.order[0].field.key),
        filter=translator.all_of(search.parts),
        after=after_page(search, translator, ("o.value", "o.model_id", "o.version")),
        way=search.way,
        limit=translator.parameters.add(search.limit),
    )
    return page(transaction, statement, translator)
