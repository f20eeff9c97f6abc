"""The tree that sqlglot parses, as the syntax tree of a filter."""

from typing import ClassVar

from sqlglot import exp

from pedigree.catalog.search.ast import And, Expression, Not, Or


class ComparisonLeaf(exp.Condition):
    """A comparison, as a leaf of sqlglot's tree."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True}


def folded(tree: exp.Expression | None) -> Expression:
    """Return the syntax tree of a parsed filter."""
    match tree:
        case ComparisonLeaf():
            return tree.this  # type: ignore[no-any-return]
        case exp.Paren():
            return folded(tree.this)
        case exp.Not():
            return Not(folded(tree.this))
        case exp.And():
            return And(_operands(tree, exp.And))
        case exp.Or():
            return Or(_operands(tree, exp.Or))
        case _:
            raise TypeError(f"the grammar makes no {type(tree).__name__}")


def _operands(tree: exp.Expression, kind: type[exp.Connector]) -> tuple[Expression, ...]:
    """Return the operands of a chain such as ``a AND b AND c``, which nests to the left.

    A loop and not a recursion: parentheses have a limit, but a chain may be as long as the filter.
    """
    found: list[Expression] = []
    while isinstance(tree, kind):
        found.append(folded(tree.right))
        tree = tree.left
    return (folded(tree), *reversed(found))
