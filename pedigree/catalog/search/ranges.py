"""Comparisons as ranges of an ordered column, which an index of it supports."""

from collections.abc import Sequence

from psycopg import sql

from pedigree.catalog.search.ast import Comparison, Literal
from pedigree.catalog.search.fields import Kind
from pedigree.catalog.search.to_sql import Translator

_RANGES = frozenset({"<", "<=", ">", ">=", "BETWEEN"})
_HIGHEST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def ranges(
    column: sql.Composable, found: Comparison, kind: Kind, translator: Translator
) -> list[sql.Composable] | None:
    """Return a comparison as disjoint ranges of an ordered index; None if it has no such form.

    A pattern becomes the range of its beginning, so it must be compared again.
    """
    if found.operator in {"=", "IN", *_RANGES}:
        return [translator.compared(column, found, kind)]
    if found.operator == "!=":
        return [translator.compared(column, with_values(found, sign), kind) for sign in ("<", ">")]
    if found.operator != "LIKE":
        return None
    beginning = beginning_of(str(found.values[0].value))
    if not beginning:
        return None
    low = with_values(found, ">=", beginning)
    conditions = [translator.compared(column, low, Kind.TEXT)]
    if (end := _after_all(beginning)) is not None:
        conditions.append(translator.compared(column, with_values(found, "<", end), Kind.TEXT))
    return [sql.SQL(" AND ").join(conditions)]


def beginning_of(pattern: str) -> str:
    r"""Return the characters that a pattern begins with, without its wildcards.

    >>> beginning_of("ML-5%"), beginning_of(r"a\_b_c"), beginning_of("%x")
    ('ML-5', 'a_b', '')
    """
    found, characters = "", iter(pattern)
    for one in characters:
        if one in "%_":
            break
        found += next(characters) if one == "\\" else one
    return found


def _after_all(beginning: str) -> str | None:
    """Return the first text after all that begin so; None if there is none.

    >>> _after_all("ML-5")
    'ML-6'
    """
    kept = beginning.rstrip(chr(_HIGHEST))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def with_values(found: Comparison, operator: str, value: str | None = None) -> Comparison:
    """Return a comparison of the same field with another operator, and with another value."""
    values = found.values
    if value is not None:
        values = (Literal(value=value, place=values[0].place),)
    return Comparison(field=found.field, operator=operator, values=values, place=found.place)


def union(selects: Sequence[sql.Composable]) -> sql.Composable:
    """Return the rows of several statements."""
    return sql.SQL(" UNION ALL ").join(selects)
