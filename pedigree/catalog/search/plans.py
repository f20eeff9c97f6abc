"""Find the versions of a page with one of four plans, for every order and filter.

*Lists*: all parts of the filter are words (tags, stage, owner …), and the order is by time. Their
lists, each in time order, are read in parallel.
*Walk*: an index has the order. As many versions as cost little are read in that order and
filtered, and may fill the page, whatever the filter is. By time and along a metric, a second
attempt reads more entries of the index, and of the versions only those that another index has of a
part of the filter.
*Hits*: an index has the versions of a part of the filter, and they are few. They are read, filtered
and sorted.
*Scan*: all versions are read once, filtered and sorted.

The first two end with the page or after a fixed number of versions, and the last two cost the same
for every order. So no plan depends on a guess at how values are distributed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import sql

from pedigree.catalog.search.access import LONGEST_TERM, postings
from pedigree.catalog.search.ast import Comparison, Expression, comparison_of
from pedigree.catalog.search.execution import ANY, MERGED, NESTED, NESTED_REPLAN, Execution
from pedigree.catalog.search.other_tables import model_id
from pedigree.catalog.search.selectivity import Driver, driver
from pedigree.catalog.search.statements import (
    Search,
    after_page,
    beginning_at,
    is_of_one_model,
    selected,
    translator_of,
)
from pedigree.catalog.search.to_sql import Translator
from pedigree.postgres.transaction import Row

VERSIONS = sql.SQL("pedigree.search_version s")
_TRIED = 40
"""The versions read per version of the page, before counting decides on a plan."""
_TRIED_BY_METRIC = 10
"""The same along a metric, whose versions are anywhere in the table."""
_MOST_TRIED = 20_000
_MOST_ENTRIES = 50_000
"""The entries of a metric's index that are read in search of those in a set."""
_COLUMNS = frozenset({"stage", "flavor"})
"""The words that are columns of the versions, each with an index in the order of time."""
_FEW_FOR_ANY_VALUE = frozenset({"git_commit", "run_id", "digest", "name"})


class FoundRows(NamedTuple):
    """The rows of a page, and the plan that found them.

    See :func:`~pedigree.catalog.search.statements.position_of` for the rows.
    """

    rows: list[Row]
    plan: str


def find(execution: Execution, search: Search) -> FoundRows:
    """Return the versions of a page."""
    lists = _lists_of(search)
    if search.by_time and lists and len(lists) == len(search.parts):
        return FoundRows(_along_lists(execution, search, lists), "lists")
    counts_first = any(map(_names_few, search.parts))
    driving = driver(execution, search) if counts_first else None
    if driving is None or not driving.are_few:
        tried = _walk(execution, search, lists)
        if tried is not None and len(tried) == search.limit:
            return FoundRows(tried, "walk")
    if not counts_first:
        driving = driver(execution, search)
    return _from_driver(execution, search, driving)


def _from_driver(execution: Execution, search: Search, driving: Driver | None) -> FoundRows:
    if driving is None:
        return FoundRows(_scan(execution, search), "scan")
    names = ", ".join(str(comparison_of(leaf).field) for leaf in driving.leaves)
    if _may_be_walked(search, driving):
        tried = _walk(execution, search, (), driving)
        if tried is not None and len(tried) == search.limit:
            return FoundRows(tried, f"walk among {names}")
    if not driving.beats_scan:
        return FoundRows(_scan(execution, search), "scan")
    return FoundRows(among_hits(execution, search, driving), f"hits of {names}")


def _may_be_walked(search: Search, driving: Driver) -> bool:
    """Return whether a walk along an index, among the versions of a driver, may be the fastest."""
    if driving.are_few or search.order[0].field.name not in {"created_at", "metrics"}:
        return False
    return not driving.reads_versions(translator_of(search))


def _lists_of(search: Search) -> list[Expression]:
    """Return the parts that are words; the name of a model only if it is the whole filter.

    Its list may be long, and have few of the versions in another list.
    """
    return [
        part
        for part in search.parts
        if postings(part, translator_of(search))
        and (not is_of_one_model(part) or len(search.parts) == 1)
    ]


def source_of(driving: Driver | None, translator: Translator) -> sql.Composable:
    """Return the versions, ``s``, that a filter needs to look at."""
    if driving is None:
        return VERSIONS
    return sql.SQL("({}) AS hits JOIN {} USING (model_id, version)").format(
        driving.hits(translator), VERSIONS
    )


def _names_few(part: Expression) -> bool:
    """Return whether a part has few hits for any value."""
    return (
        isinstance(part, Comparison)
        and part.operator == "="
        and part.field.name in _FEW_FOR_ANY_VALUE
    )


def _scan(execution: Execution, search: Search) -> list[Row]:
    translator = translator_of(search, in_bulk=True)
    statement = selected(search, translator, VERSIONS)
    return execution.ask(statement, translator.parameters, ANY)


def among_hits(execution: Execution, search: Search, driving: Driver) -> list[Row]:
    """Return the versions of a page, from those that an index has of a part of the filter."""
    translator = translator_of(search)
    source = source_of(driving, translator)
    left = driving.unchecked(search.parts, translator)
    statement = selected(search, translator, source, parts=left)
    plan = NESTED_REPLAN if driving.are_few else ANY
    return execution.ask(statement, translator.parameters, plan)


def _walk(
    execution: Execution,
    search: Search,
    lists: Sequence[Expression],
    among: Driver | None = None,
) -> list[Row] | None:
    """Read some versions in the order of an index; None if there is no such index."""
    tried = _TRIED_BY_METRIC if search.order[0].field.name == "metrics" else _TRIED
    most = max(search.limit, min(tried * search.limit, _MOST_TRIED))
    of_model = search.of_model is not None
    if search.by_time and lists and not of_model and not all(map(_has_column, lists)):
        return _along_lists(execution, search, lists, most)
    translator = translator_of(search)
    order = _order_of(search, translator, among)
    if order is None:
        return None
    source = sql.SQL("({} FETCH FIRST {} ROWS WITH TIES) AS s").format(
        order, sql.Literal(most if search.parts else search.limit)
    )
    statement = selected(search, translator, source, ordered_by=sql.SQL("s.first_key"))
    return execution.ask(statement, translator.parameters, NESTED_REPLAN)


def _has_column(part: Expression) -> bool:
    return isinstance(part, Comparison) and part.field.name in _COLUMNS


def _order_of(
    search: Search, translator: Translator, among: Driver | None
) -> sql.Composable | None:
    """Return the versions after the previous page in the order of the first key."""
    first = search.order[0].field
    if search.after is not None and search.after.values[0] is None:
        return None  # no index has the versions without a value
    conditions: Sequence[Expression] = ()
    source: sql.Composable = VERSIONS
    match first.name:
        case "metrics" if len(first.key or "") <= LONGEST_TERM:
            return _along_entries(search, translator, among)
        case "created_at":
            if among is not None:
                return _along_entries(search, translator, among)
            lists = _lists_of(search)
            conditions = [part for part in search.parts if is_of_one_model(part)] or (
                lists if all(map(_has_column, lists)) else ()
            )
        case "version":
            if search.of_model is None:
                return None
            source = sql.SQL(
                "(SELECT * FROM pedigree.search_version WHERE model_id = {}) AS s"
            ).format(model_id(translator, search.of_model))
        case "name":
            pass
        case _:
            return None
    column = translator.column(first)
    return sql.SQL(
        "SELECT s.*, {column} AS first_key FROM {source} WHERE {conditions} AND {after}"
        " ORDER BY {column} {way}{ties}"
    ).format(
        column=column,
        source=source,
        conditions=translator.all_of(conditions),
        after=beginning_at(search, column, translator),
        way=search.way,
        ties=_ties(search) if first.name == "created_at" else sql.SQL(""),
    )


def _along_entries(search: Search, translator: Translator, among: Driver | None) -> sql.Composable:
    """Return the versions that entries of an index lead to, all or those in a set."""
    first = search.order[0].field
    table: sql.Composable
    if first.name == "metrics":
        table = sql.SQL(
            "(SELECT value AS first_key, model_id, version FROM pedigree.search_metric"
            " WHERE key = {}) AS o"
        ).format(translator.text(first.key))
    else:
        table = sql.SQL(
            "(SELECT created_at AS first_key, model_id, version FROM pedigree.search_version) AS o"
        )
    way, ties = search.way, _ties(search)
    after = beginning_at(search, sql.SQL("o.first_key"), translator)
    entries: sql.Composable = sql.SQL("SELECT * FROM {} WHERE {} ORDER BY first_key {}{}").format(
        table, after, way, ties
    )
    condition: sql.Composable = sql.SQL("true")
    if among is not None:
        entries = sql.SQL("{} FETCH FIRST {} ROWS WITH TIES").format(
            entries, sql.Literal(_MOST_ENTRIES)
        )
        # IS TRUE keeps the planner from a join: the set is looked up for each entry, in its order.
        condition = sql.SQL("((model_id, version) IN ({})) IS TRUE").format(among.hits(translator))
    return sql.SQL(
        "SELECT s.*, o.first_key"
        " FROM (SELECT * FROM ({}) AS entry WHERE {}) AS o"
        " JOIN pedigree.search_version s USING (model_id, version) ORDER BY first_key {}{}"
    ).format(entries, condition, way, ties)


def _ties(search: Search) -> sql.Composable:
    """Return the tie-breakers that an index has, for an order of one key."""
    if len(search.order) > 1:
        return sql.SQL("")
    return sql.SQL(", model_id {way}, version {way}").format(way=search.way)


def _along_lists(
    execution: Execution,
    search: Search,
    lists: Sequence[Expression],
    most: int | None = None,
) -> list[Row]:
    """Read the lists of words in parallel, at most ``most`` versions."""
    translator = translator_of(search)
    after = after_page(search, translator, ("created_at", "model_id", "version"))
    first, *others = (
        sql.SQL("({} AND {})").format(postings(part, translator), after) for part in lists
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
    return execution.ask(statement, translator.parameters, MERGED if others else NESTED)


def _rest(search: Search, lists: Sequence[Expression], translator: Translator) -> sql.Composable:
    """Return the conditions that the lists do not cover, as a subquery that is not flattened."""
    parts = [part for part in search.parts if part not in lists]
    if not parts:
        return sql.SQL("true")
    return sql.SQL(
        "(SELECT {} FROM pedigree.search_version s"
        " WHERE s.model_id = l0.model_id AND s.version = l0.version)"
    ).format(translator.all_of(parts))
