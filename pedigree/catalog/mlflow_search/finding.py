"""Find the versions of a page.

*Lists*: tags must have a value, and the order is MLflow's default. Their lists of versions, which
are in this order, are read in parallel.
*Hits*: an index has the versions of one of the conditions, and they are few. They are read,
filtered and sorted.
*Walk*: an index has the order. As many versions as cost little are read in that order and filtered,
and may fill the page.
*All*: what is left: the versions of the best condition, or all of them, filtered and sorted.

All but the last end with the page or after a fixed number of versions, so the hundredth page costs
as much as the first one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from psycopg import sql

from pedigree.catalog.mlflow_search.asked import AskedPage, name_of_all
from pedigree.catalog.mlflow_search.conditions import (
    Comparator,
    Condition,
    ConditionField,
    Conditions,
)
from pedigree.catalog.mlflow_search.to_sql import all_of, driver, tag_lists, tags_driver
from pedigree.catalog.search.execution import ANY, NESTED_REPLAN, Execution, SearchPlan
from pedigree.catalog.search.parameters import Parameters
from pedigree.postgres.transaction import Row

_FEW = 2_000
"""The versions that can be read one by one within a few milliseconds."""
_MERGED_OR_NESTED = SearchPlan(nested=True, merged=True, replan=True)
_TRIED_FIRST = 5_000
_TRIED = 20_000
"""The versions that are read in the order of an index, in search of those of a page."""


class FoundKeys(NamedTuple):
    """The keys of found versions, with what they are sorted by, and how they were found."""

    rows: list[Row]
    plan: str


class SearchedVersions(NamedTuple):
    """A search for versions, among those that the caller may read."""

    execution: Execution
    asked: AskedPage
    visible: Sequence[str] | None

    @property
    def limit(self) -> int:
        """How many versions are looked for: one more than a page has."""
        return self.asked.limit + 1


def find(execution: Execution, asked: AskedPage, visible: Sequence[str] | None) -> FoundKeys:
    """Return the versions of a page, and one more if there are further ones.

    Args:
        execution: Where to read.
        asked: The search.
        visible: Only models of these names exist for the caller; all models when None.

    Raises:
        TimeIsUpError: It takes longer than it may.
    """
    search = SearchedVersions(execution, asked, visible)
    if asked.order.is_of_lists and tag_lists(asked.conditions):
        listed = _along_lists(search)
        if len(listed) == search.limit:
            return FoundKeys(listed, "lists")
    is_walkable = asked.order.is_walkable
    if is_walkable and asked.conditions.parts and all(map(_is_name, asked.conditions.parts)):
        # Whatever else is left out is left out with its whole model.
        return FoundKeys(_walk(search, _TRIED_FIRST), "walk")
    if is_walkable and not any(map(_is_equality, asked.conditions.parts)):
        walked = _walk(search, _TRIED_FIRST)
        if len(walked) == search.limit:
            return FoundKeys(walked, "walk")
    counts = [0] if any(map(_is_of_run, asked.conditions.parts)) else _counts(search)
    best = min(range(len(counts)), key=counts.__getitem__, default=None)
    if best is not None and counts[best] <= _FEW:
        return FoundKeys(_among(search, best), "hits")
    if is_walkable:
        walked = _walk(search, _TRIED)
        if len(walked) == search.limit:
            return FoundKeys(walked, "walk")
    return FoundKeys(_among(search, best, in_bulk=True), "all")


def _drivers(conditions: Conditions, parameters: Parameters) -> list[sql.Composable]:
    """Return the indexes' versions of each condition that has some, the narrowest kinds first."""
    runs = [each for each in conditions.parts if _is_of_run(each)]
    others = sorted((each for each in conditions.parts if each not in runs), key=_rank)
    found = [driver(each, parameters) for each in runs]
    found += [tags_driver(conditions, parameters)]
    found += [driver(each, parameters) for each in others]
    return [each for each in found if each is not None]


def _is_equality(found: Condition) -> bool:
    """Return whether a condition may have few versions, so that counting them comes first."""
    return found.comparator in {Comparator.EQUAL, Comparator.IN}


def _is_name(found: Condition) -> bool:
    return found.field is ConditionField.NAME and found.comparator is Comparator.EQUAL


def _is_of_run(found: Condition) -> bool:
    """Return whether a condition has few versions for any value."""
    return (
        found.field is ConditionField.RUN
        and found.comparator is Comparator.EQUAL
        and found.value != ""
    )


def _rank(found: Condition) -> int:
    fields = (ConditionField.RUN, ConditionField.SOURCE, ConditionField.NAME)
    return fields.index(found.field) if found.field in fields else len(fields)


def _counts(search: SearchedVersions) -> list[int]:
    """Return how many versions each driver has, up to one more than a few."""
    parameters = Parameters()
    drivers = _drivers(search.asked.conditions, parameters)
    if not drivers:
        return []
    each = sql.SQL(", ").join(
        sql.SQL("(SELECT count(*) FROM ({} LIMIT {}) AS counted) AS {}").format(
            found, sql.Literal(_FEW + 1), sql.Identifier(f"n{index}")
        )
        for index, found in enumerate(drivers)
    )
    statement = sql.SQL("SELECT {}").format(each)
    (row,) = search.execution.ask(statement, parameters, NESTED_REPLAN)
    return [row[f"n{index}"] for index in range(len(drivers))]


def _among(search: SearchedVersions, index: int | None, *, in_bulk: bool = False) -> list[Row]:
    """Return the versions of a page from those of a driver, or from all."""
    parameters = Parameters()
    source: sql.Composable = sql.SQL("pedigree.search_mlflow v")
    if index is not None:
        source = sql.SQL(
            "(SELECT DISTINCT model_id, version FROM ({}) AS hit) AS h JOIN {}"
        ).format(
            _drivers(search.asked.conditions, parameters)[index],
            sql.SQL("pedigree.search_mlflow v USING (model_id, version)"),
        )
    # OFFSET 0 keeps the planner from an index in the order of the page: it cannot know how many
    # versions that would read.
    statement = sql.SQL(
        "SELECT * FROM (SELECT v.model_id, v.version, {columns} FROM {source}"
        " WHERE {filter} AND {after} OFFSET 0) AS found ORDER BY {order} LIMIT {limit}"
    ).format(
        columns=search.asked.order.columns,
        source=source,
        filter=all_of(search.asked.conditions, search.visible, parameters, in_bulk=in_bulk),
        after=search.asked.order.after(search.asked.after, parameters),
        order=search.asked.order.order,
        limit=parameters.add(search.limit),
    )
    return search.execution.ask(statement, parameters, ANY if in_bulk else NESTED_REPLAN)


def _along_lists(search: SearchedVersions) -> list[Row]:
    """Return the versions of a page among the first ones that several lists have."""
    parameters = Parameters()
    lists = tag_lists(search.asked.conditions)
    after = search.asked.order.after_in_list(search.asked.after, parameters)
    first, *others = (
        sql.SQL(
            "(SELECT age, name, back, model_id FROM pedigree.search_mlflow_tag"
            " WHERE key = {}::text AND value = {}::text AND {}) AS l{}"
        ).format(parameters.add(each.key), parameters.add(each.value), after, sql.Literal(index))
        for index, each in enumerate(lists)
    )
    joined = sql.SQL("").join(
        sql.SQL(" JOIN {} USING (age, name, back)").format(each) for each in others
    )
    left = tuple(each for each in search.asked.conditions.parts if each not in lists)
    statement = sql.SQL(
        "SELECT v.model_id, v.version, l.age AS k0, l.name AS k1, l.back AS k2 FROM ("
        "SELECT age, name, back, l0.model_id FROM {first}{joined}"
        " ORDER BY age, name, back LIMIT {tried}) AS l"
        " JOIN pedigree.search_mlflow v ON v.model_id = l.model_id AND v.version = -l.back"
        " WHERE {filter} ORDER BY l.age, l.name, l.back LIMIT {limit}"
    ).format(
        first=first,
        joined=joined,
        tried=sql.Literal(max(_TRIED, 2 * search.limit)),
        filter=all_of(
            replace(search.asked.conditions, parts=left), search.visible, parameters, in_bulk=False
        ),
        limit=parameters.add(search.limit),
    )
    return search.execution.ask(statement, parameters, _MERGED_OR_NESTED)


def _walk(search: SearchedVersions, tried: int) -> list[Row]:
    """Return the versions of a page among the first ones in the order of an index."""
    parameters = Parameters()
    name = name_of_all(search.asked.conditions)
    of_model = (
        sql.SQL("true")
        if name is None
        else sql.SQL("v.name = {}::text").format(parameters.add(name))
    )
    columns = sql.SQL(", ").join(
        sql.Identifier(f"k{index}") for index in range(len(search.asked.order.keys))
    )
    statement = sql.SQL(
        "SELECT v.model_id, v.version, {shown} FROM ("
        "SELECT v.*, {columns} FROM pedigree.search_mlflow v WHERE {of_model} AND {after}"
        " ORDER BY {order} LIMIT {tried}) AS v WHERE {filter} ORDER BY {order} LIMIT {limit}"
    ).format(
        shown=columns,
        columns=search.asked.order.columns,
        of_model=of_model,
        after=search.asked.order.after(search.asked.after, parameters),
        order=search.asked.order.order,
        tried=sql.Literal(max(tried, 2 * search.limit)),
        filter=all_of(search.asked.conditions, search.visible, parameters, in_bulk=False),
        limit=parameters.add(search.limit),
    )
    return search.execution.ask(statement, parameters, NESTED_REPLAN)
