"""The normal form of a filter: NOT only before single comparisons, AND and OR without nesting.

The two forms find the same versions, also where a value is unknown: a NOT of an unknown result is
unknown, as in SQL. In the normal form a comparison only has to be true, or not, so that false and
unknown need no difference, and each AND and each OR shows all its parts to the planner.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from pedigree.catalog.search.ast import And, Comparison, Expression, Leaf, Literal, Not, Or
from pedigree.catalog.search.fields import FIELDS, Kind

_OPPOSITES = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "IS NULL": "IS NOT NULL",
    "IS NOT NULL": "IS NULL",
}


@lru_cache(maxsize=512)
def normalized(expression: Expression | None) -> Expression | None:
    """Return the normal form of a filter."""
    return None if expression is None else _normal(expression, negated=False)


def _normal(expression: Expression, *, negated: bool) -> Expression:
    match expression:
        case Not(inner):
            return _normal(inner, negated=not negated)
        case And(parts):
            return _joined(Or if negated else And, parts, negated=negated)
        case Or(parts):
            return _joined(And if negated else Or, parts, negated=negated)
        case Comparison():
            return _opposite(expression) if negated else expression


def _joined(
    kind: type[And] | type[Or], parts: Iterable[Expression], *, negated: bool
) -> Expression:
    found: dict[Expression, None] = {}
    for part in parts:
        inner = _normal(part, negated=negated)
        found |= dict.fromkeys(inner.parts if isinstance(inner, kind) else (inner,))
    return kind(tuple(found)) if len(found) > 1 else next(iter(found))


def _opposite(found: Comparison) -> Expression:
    if found.operator in _OPPOSITES:
        return replace(found, operator=_OPPOSITES[found.operator])
    if found.operator == "BETWEEN":
        low, high = found.values
        return Or((_compared(found, "<", low), _compared(found, ">", high)))
    if found.operator == "IN" and FIELDS[found.field.name].kind is Kind.ANY:
        # A parameter is compared with values of its own type, so each value decides for itself.
        return _joined(And, (_compared(found, "!=", one) for one in found.values), negated=False)
    return Not(found)


def _compared(found: Comparison, operator: str, value: Literal) -> Leaf:
    return replace(found, operator=operator, values=(value,))
