"""Conditions as SQL: columns of a list, and every value as a parameter."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

from psycopg import sql

from pedigree.catalog.mlflow_search.conditions import (
    IS_PROMPT,
    Comparator,
    Condition,
    ConditionField,
    Conditions,
)
from pedigree.catalog.search.parameters import Parameters

LONGEST_VALUE = 255
"""A longer value is cut in the index of tags."""
_CUT = LONGEST_VALUE + 1
LONGEST_KEY = 250
"""A longer key has no list of versions."""

_SIGNS: Mapping[Comparator, LiteralString] = {
    Comparator.EQUAL: "=",
    Comparator.UNEQUAL: "<>",
    Comparator.LESS: "<",
    Comparator.AT_MOST: "<=",
    Comparator.MORE: ">",
    Comparator.AT_LEAST: ">=",
    Comparator.LIKE: "LIKE",
    Comparator.ILIKE: 'COLLATE "default" ILIKE',
}
_COLUMNS: Mapping[ConditionField, LiteralString] = {
    ConditionField.NAME: "v.name",
    ConditionField.VERSION: "v.version",
    ConditionField.RUN: "v.run_id",
    ConditionField.SOURCE: "v.source",
}
# Where few versions are looked at, a look-up for each: IS TRUE keeps the planner from a join, whose
# order it would choose without knowing how few they are.
_OTHER_THAN_PROMPTS: Mapping[bool, LiteralString] = {
    True: "v.model_id NOT IN (SELECT p.model_id FROM pedigree.search_mlflow p WHERE p.is_prompt)",
    False: "(SELECT true FROM pedigree.search_mlflow p"
    " WHERE p.model_id = v.model_id AND p.is_prompt LIMIT 1) IS NOT TRUE",
}
_HAS_TERM: Mapping[bool, LiteralString] = {
    True: "EXISTS (SELECT FROM {})",
    False: "(SELECT true FROM {} LIMIT 1) IS TRUE",
}


def compared(column: sql.Composable, found: Condition, parameters: Parameters) -> sql.Composable:
    """Return the comparison of a column with the value of a condition."""
    value = parameters.add(list(found.value) if isinstance(found.value, tuple) else found.value)
    if found.comparator is Comparator.IN:
        return sql.SQL("{} = ANY ({}::text[])").format(column, value)
    if found.comparator is Comparator.NOT_IN:
        return sql.SQL("{} <> ALL ({}::text[])").format(column, value)
    cast = sql.SQL("bigint" if found.field is ConditionField.VERSION else "text")
    sign = sql.SQL(_SIGNS[found.comparator])
    return sql.SQL("{} {} {}::{}").format(column, sign, value, cast)


def condition(found: Condition, parameters: Parameters, *, in_bulk: bool) -> sql.Composable:
    """Return a condition over a version, ``v``.

    Args:
        found: The condition.
        parameters: Collects the values of the statement.
        in_bulk: Whether most versions are looked at.
    """
    if found.field is not ConditionField.TAG:
        return compared(sql.SQL(_COLUMNS[found.field]), found, parameters)
    if found.comparator is Comparator.EQUAL and len(str(found.value)) <= LONGEST_VALUE:
        term = sql.SQL(
            "pedigree.search_term t WHERE t.field = {} AND t.value = {}::text"
            " AND t.created_at = v.created_at AND t.model_id = v.model_id"
            " AND t.version = v.version"
        ).format(_term(found, parameters), parameters.add(found.value))
        return sql.SQL(_HAS_TERM[in_bulk]).format(term)
    tag = sql.SQL(
        "(SELECT s.tags ->> {}::text FROM pedigree.search_version s"
        ' WHERE s.model_id = v.model_id AND s.version = v.version) COLLATE "C"'
    ).format(parameters.add(found.key))
    return compared(tag, found, parameters)


def all_of(
    asked: Conditions,
    visible: Sequence[str] | None,
    parameters: Parameters,
    *,
    in_bulk: bool,
) -> sql.Composable:
    """Return what holds for the versions of a search that the caller may read."""
    parts = [condition(each, parameters, in_bulk=in_bulk) for each in asked.parts]
    parts += _visible(visible, parameters)
    if asked.without_prompts:
        parts.append(sql.SQL(_OTHER_THAN_PROMPTS[in_bulk]))
    return sql.SQL(" AND ").join([sql.SQL("true"), *parts])


def compared_model(
    asked: Conditions, visible: Sequence[str] | None, parameters: Parameters
) -> sql.Composable:
    """Return what holds for the models, ``v``, of a search that the caller may read."""
    parts = [_of_model(each, parameters) for each in asked.parts]
    parts += _visible(visible, parameters)
    if asked.without_prompts:
        prompt = sql.SQL("v.tags ->> {} IS DISTINCT FROM 'true'").format(sql.Literal(IS_PROMPT))
        parts.append(prompt)
    return sql.SQL(" AND ").join([sql.SQL("true"), *parts])


def _of_model(found: Condition, parameters: Parameters) -> sql.Composable:
    if found.field is not ConditionField.TAG:
        return compared(sql.SQL("v.name"), found, parameters)
    tag = sql.SQL('(v.tags ->> {}::text) COLLATE "C"').format(parameters.add(found.key))
    return compared(tag, found, parameters)


def _visible(visible: Sequence[str] | None, parameters: Parameters) -> list[sql.Composable]:
    if visible is None:
        return []
    return [sql.SQL("v.name = ANY ({}::text[])").format(parameters.add(list(visible)))]


def driver(found: Condition, parameters: Parameters) -> sql.Composable | None:
    """Return versions among which are all that satisfy a condition, by an index; else None.

    Their columns are ``model_id`` and ``version``.
    """
    equal = found.comparator in {Comparator.EQUAL, Comparator.IN}
    pattern = found.comparator in {Comparator.LIKE, Comparator.ILIKE}
    match found.field:
        case ConditionField.NAME if equal or pattern:
            return sql.SQL(
                "SELECT v.model_id, v.version FROM pedigree.search_name n"
                " JOIN pedigree.search_mlflow v USING (model_id) WHERE {}"
            ).format(compared(sql.SQL("n.name"), found, parameters))
        case ConditionField.RUN if equal and "" not in _values(found):
            return sql.SQL(
                "SELECT v.model_id, v.version FROM pedigree.search_mlflow v"
                " WHERE v.run_id <> '' AND {}"
            ).format(compared(sql.SQL("v.run_id"), found, parameters))
        case ConditionField.SOURCE if equal:
            return sql.SQL(
                "SELECT v.model_id, v.version FROM pedigree.search_mlflow v WHERE {}"
            ).format(compared(sql.SQL("v.source"), found, parameters))
        case ConditionField.TAG if pattern:
            return sql.SQL(
                "SELECT t.model_id, t.version FROM pedigree.search_term t"
                " WHERE t.field = {} AND (length(t.value) > {} OR {})"
            ).format(
                _term(found, parameters),
                sql.Literal(LONGEST_VALUE),
                compared(sql.SQL("t.value"), found, parameters),
            )
        case _:
            return None


def tag_lists(asked: Conditions) -> tuple[Condition, ...]:
    """Return the conditions whose versions are a list in MLflow's order: tags with a value."""
    return tuple(
        each
        for each in asked.parts
        if each.field is ConditionField.TAG
        and each.comparator is Comparator.EQUAL
        and len(str(each.value)) <= LONGEST_VALUE
        and len(each.key or "") <= LONGEST_KEY
    )


def tags_driver(asked: Conditions, parameters: Parameters) -> sql.Composable | None:
    """Return the versions that have all tags that must have a value; None without such tags.

    Their lists are in one order, so that they are read in parallel.
    """
    lists = [
        sql.SQL(
            "(SELECT t.created_at, t.model_id, t.version FROM pedigree.search_term t"
            " WHERE t.field = {} AND t.value = {}::text) AS l{}"
        ).format(
            _term(each, parameters), parameters.add(str(each.value)[:_CUT]), sql.Literal(index)
        )
        for index, each in enumerate(asked.parts)
        if each.field is ConditionField.TAG and each.comparator is Comparator.EQUAL
    ]
    if not lists:
        return None
    joined = lists[0] + sql.SQL("").join(
        sql.SQL(" JOIN {} USING (created_at, model_id, version)").format(each) for each in lists[1:]
    )
    return sql.SQL("SELECT model_id, version FROM {}").format(joined)


def _term(found: Condition, parameters: Parameters) -> sql.Composable:
    return sql.SQL("{}::text").format(parameters.add(f"tags.{found.key}"))


def _values(found: Condition) -> tuple[str | int, ...]:
    return found.value if isinstance(found.value, tuple) else (found.value,)
