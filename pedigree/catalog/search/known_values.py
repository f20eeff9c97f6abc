"""Patterns over a field with few different values, such as owners, as a list of those values.

An index has the versions of each value, and no index has those of a pattern without a beginning.
"""

from collections.abc import Mapping
from dataclasses import replace

from psycopg import sql

from pedigree.catalog.search.access import LONGEST_TERM, are_terms, has_terms
from pedigree.catalog.search.ast import And, Comparison, Expression, Literal, Or, leaves
from pedigree.catalog.search.execution import NESTED, Execution
from pedigree.catalog.search.fields import Kind, compares_names
from pedigree.catalog.search.parameters import Parameters
from pedigree.catalog.search.ranges import beginning_of
from pedigree.catalog.search.to_sql import Translator

_MOST = 500
"""The different values of a field that are read, each by one look-up in the index."""


def with_known_values(execution: Execution, expression: Expression | None) -> Expression | None:
    """Return a normalized filter in which lists of values replace such patterns."""
    listed: dict[Expression, Comparison] = {}
    for leaf in leaves(expression):
        # Under a NOT, no value is unknown for a pattern, and true for an empty list.
        if isinstance(leaf, Comparison) and _is_open(leaf):
            values = _values(execution, leaf)
            if values is not None:
                listed[leaf] = replace(leaf, operator="IN", values=values)
    return expression if expression is None else _replaced(expression, listed)


def _is_open(found: Comparison) -> bool:
    """Return whether it is a pattern of which no index has a range, or one of names of people."""
    if not has_terms(found.field) or not are_terms(found):
        return False
    return (
        compares_names(found)
        or found.operator == "ILIKE"
        or (found.operator == "LIKE" and not beginning_of(str(found.values[0].value)))
    )


def _values(execution: Execution, found: Comparison) -> tuple[Literal, ...] | None:
    """Return the values that satisfy a pattern; None if there are too many, or some are cut."""
    translator = Translator(Parameters(), {})
    statement = sql.SQL(
        "WITH RECURSIVE term AS ("
        " SELECT min(value) AS value, 1 AS place FROM pedigree.search_term WHERE field = {field}"
        " UNION ALL"
        " SELECT (SELECT min(t.value) FROM pedigree.search_term t"
        " WHERE t.field = {field} AND t.value > term.value), place + 1"
        " FROM term WHERE term.value IS NOT NULL AND place <= {most}"
        ") SELECT count(value) AS number, max(length(value)) AS longest,"
        " array_agg(value) FILTER (WHERE {condition}) AS hits FROM term"
    ).format(
        field=translator.text(str(found.field)),
        most=sql.Literal(_MOST),
        condition=translator.compared(sql.SQL("value"), found, Kind.TEXT),
    )
    (row,) = execution.ask(statement, translator.parameters, NESTED)
    if row["number"] > _MOST or (row["longest"] or 0) > LONGEST_TERM:
        return None
    place = found.values[0].place
    return tuple(Literal(value=value, place=place) for value in row["hits"] or ())


def _replaced(expression: Expression, listed: Mapping[Expression, Comparison]) -> Expression:
    match expression:
        case And(parts):
            return And(tuple(_replaced(part, listed) for part in parts))
        case Or(parts):
            return Or(tuple(_replaced(part, listed) for part in parts))
        case _:
            return listed.get(expression, expression)
