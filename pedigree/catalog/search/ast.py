"""The syntax tree of a filter: fields compared with values, joined by AND, OR and NOT."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldPlace:
    """A place in the given text, as character offsets."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A field, such as ``stage``, or ``tags.team``, which has a key."""

    name: str
    key: str | None = None
    place: FieldPlace

    def __str__(self) -> str:
        return self.name if self.key is None else f"{self.name}.{self.key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A value as written."""

    value: Value
    place: FieldPlace


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A field, an operator (``=``, ``LIKE``, ``IN``, ``IS NULL``, ``MATCH``, …) and its values."""

    field: Field
    operator: str
    values: tuple[Literal, ...]
    place: FieldPlace
    """The place of the operator."""


@dataclass(frozen=True, slots=True)
class Not:
    """An expression that must not hold."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """Expressions that must all hold."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Expressions of which at least one must hold."""

    parts: "tuple[Expression, ...]"


Expression: TypeAlias = Comparison | Not | And | Or


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """Return the parts that must all hold, regardless of parentheses."""
    if expression is None:
        return ()
    if isinstance(expression, And):
        return tuple(part for inner in expression.parts for part in conjuncts(inner))
    return (expression,)


def comparisons(expression: Expression | None, *, negated: bool = True) -> Iterator[Comparison]:
    """Yield all comparisons; without those under a NOT if ``negated`` is False."""
    match expression:
        case Comparison():
            yield expression
        case Not(inner):
            if negated:
                yield from comparisons(inner)
        case And(parts) | Or(parts):
            for part in parts:
                yield from comparisons(part, negated=negated)
