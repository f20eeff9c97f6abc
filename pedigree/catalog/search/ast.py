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
Leaf: TypeAlias = Comparison | Not
"""In a normalized expression: a comparison, or the NOT of one."""


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """Return the parts that must all hold."""
    if expression is None:
        return ()
    return expression.parts if isinstance(expression, And) else (expression,)


def leaves(expression: Expression | None) -> Iterator[Leaf]:
    """Yield the comparisons of a normalized expression, each with its NOT if it has one."""
    match expression:
        case Comparison() | Not():
            yield expression
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)


def comparison_of(leaf: Leaf) -> Comparison:
    """Return the comparison of a leaf, without its NOT."""
    inner = leaf.inner if isinstance(leaf, Not) else leaf
    assert isinstance(inner, Comparison)
    return inner


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
