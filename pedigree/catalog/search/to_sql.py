"""Translate a filter to SQL: allowed columns only, and every typed value as a parameter.

A filter in normal form needs its comparisons to be true, so a condition may be false where the
result is unknown.
"""

from collections.abc import Iterable, Sequence
from typing import LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from pedigree.catalog.search import other_tables
from pedigree.catalog.search.ast import (
    And,
    Comparison,
    Expression,
    Field,
    Leaf,
    Not,
    Or,
    Value,
    comparison_of,
)
from pedigree.catalog.search.fields import FIELDS, Kind, compares_names
from pedigree.catalog.search.parameters import Parameters

_SYMBOLS: dict[str, LiteralString] = {
    **{"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="},
    **{"LIKE": "LIKE", "ILIKE": 'COLLATE "default" ILIKE'},
}
_CASTS: dict[Kind, LiteralString] = {
    Kind.TEXT: "::text",
    Kind.NUMBER: "::double precision",
    Kind.TIME: "::timestamptz",
    Kind.BOOLEAN: "::boolean",
}
_LISTS: dict[Kind, LiteralString] = {
    Kind.TEXT: "::text[]",
    Kind.NUMBER: "::double precision[]",
    Kind.TIME: "::timestamptz[]",
}


class Translator:
    """Translates for one statement.

    Args:
        parameters: Collects the statement's values.
        words: The tsquery of each text of a MATCH.
        in_bulk: Look up what other tables have once for all versions, and not for each version.
        of_model: The only model whose versions the whole filter can find.
    """

    def __init__(
        self,
        parameters: Parameters,
        words: dict[str, str],
        *,
        in_bulk: bool = False,
        of_model: str | None = None,
    ) -> None:
        self.parameters = parameters
        self.words = words
        self.of_model = of_model
        self._in_bulk = in_bulk

    def condition(self, expression: Expression) -> sql.Composable:
        """Return a normalized expression over the row ``s``."""
        match expression:
            case And(parts):
                return _joined(" AND ", map(self.condition, parts))
            case Or(parts):
                return _joined(" OR ", map(self.condition, parts))
            case _:
                return self._leaf(expression)

    def all_of(self, parts: Iterable[Expression]) -> sql.Composable:
        """Return the condition that all parts hold."""
        found = [self.condition(part) for part in parts]
        return _joined(" AND ", found) if found else sql.SQL("true")

    def column(self, field: Field) -> sql.Composable:
        """Return the column of a field in the row ``s``, or in ``f`` of :func:`joins`."""
        rule = FIELDS[field.name]
        if not rule.keyed:
            return sql.SQL(rule.sql)
        return sql.SQL(rule.sql).format(self.text(field.key))

    def sort_column(self, field: Field) -> sql.Composable:
        """Return what versions are sorted by for a field: people by their names."""
        column = self.column(field)
        return _named(column) if FIELDS[field.name].names_people else column

    def query(self, words: str) -> sql.Composable:
        """Return the text of a MATCH as a tsquery."""
        return sql.SQL("{}::tsquery").format(self.parameters.add(self.words[words]))

    def value(self, kind: Kind, value: Value) -> sql.Composable:
        """Return a placeholder with a field's type."""
        return sql.Composed([self.parameters.add(value), sql.SQL(_CASTS[kind])])

    def text(self, value: str | None) -> sql.Composable:
        """Return a placeholder for a text."""
        return sql.SQL("{}::text").format(self.parameters.add(value))

    def compared(self, column: sql.Composable, found: Comparison, kind: Kind) -> sql.Composable:
        """Return the comparison of a column with values of a type."""
        if compares_names(found):
            column = _named(column)
        values = [one.value for one in found.values]
        if found.operator in {"LIKE", "ILIKE"}:
            kind = Kind.TEXT
        if found.operator == "IN":
            # One list, so that a statement's text does not depend on its length.
            # psycopg refuses lists of mixed numbers.
            same = [float(one) for one in values] if kind is Kind.NUMBER else values  # type: ignore[arg-type]
            listed = sql.Composed([self.parameters.add(same), sql.SQL(_LISTS[kind])])
            return sql.SQL("({} = ANY ({}))").format(column, listed)
        operands = [self.value(kind, value) for value in values]
        match found.operator:
            case "IS NULL":
                return sql.SQL("({} IS NULL)").format(column)
            case "IS NOT NULL":
                return sql.SQL("({} IS NOT NULL)").format(column)
            case "BETWEEN":
                return sql.SQL("({} BETWEEN {} AND {})").format(column, *operands)
        symbol = sql.SQL(_SYMBOLS[found.operator])
        return sql.SQL("({} {} {})").format(column, symbol, operands[0])

    def json_pair(self, field: Field, value: Value) -> sql.Composable:
        """Return the object with the field's key and a value."""
        return sql.SQL("{}::jsonb").format(self.parameters.add(Jsonb({field.key: value})))

    def _leaf(self, leaf: Leaf) -> sql.Composable:
        found, negated = comparison_of(leaf), isinstance(leaf, Not)
        rule = FIELDS[found.field.name]
        if found.field.name == "lineage":
            return other_tables.depends(self, found, negated=negated, in_bulk=self._in_bulk)
        if rule.kind is Kind.WORDS:
            return other_tables.matches(self, found, negated=negated, in_bulk=self._in_bulk)
        if rule.sql.startswith("f."):
            return other_tables.staleness(self, found, negated=negated, in_bulk=self._in_bulk)
        match rule.kind:
            case Kind.TEXTS:
                condition = self._any_of(found)
            case Kind.ANY if found.operator not in {"IS NULL", "IS NOT NULL"}:
                condition = self._any_type(found)
            case _:
                condition = self.compared(self.column(found.field), found, rule.kind)
        return sql.SQL("(NOT {})").format(condition) if negated else condition

    def _any_of(self, found: Comparison) -> sql.Composable:
        """Return the condition that one of several texts matches; with ``!=``, that none does."""
        column = self.column(found.field)
        match found.operator:
            case "IS NULL" | "IS NOT NULL":
                sign = sql.SQL("=" if found.operator == "IS NULL" else "<>")
                return sql.SQL("(cardinality({}) {} 0)").format(column, sign)
            case "=":
                return sql.SQL("({} = ANY ({}))").format(
                    self.text(str(found.values[0].value)), column
                )
            case "!=":
                return sql.SQL("({} <> ALL ({}))").format(
                    self.text(str(found.values[0].value)), column
                )
            case "IN":
                values = [str(one.value) for one in found.values]
                return sql.SQL("({} && {}::text[])").format(column, self.parameters.add(values))
        return sql.SQL("EXISTS (SELECT FROM unnest({}) AS one WHERE {})").format(
            column, self.compared(sql.SQL('one COLLATE "C"'), found, Kind.TEXT)
        )

    def _any_type(self, found: Comparison) -> sql.Composable:
        """Compare a parameter with values of its own type."""
        column = self.column(found.field)
        if found.operator == "IN":
            return _joined(
                " OR ", (self._same_type(column, "=", one.value) for one in found.values)
            )
        types = {_json_type(one.value) for one in found.values}
        if types == {"string"}:
            text = sql.SQL(
                "((CASE jsonb_typeof({0}) WHEN 'string' THEN {0} #>> '{{}}' END) COLLATE \"C\")"
            ).format(column)
            return self.compared(text, found, Kind.TEXT)
        if len(types) > 1:
            return sql.SQL("false")
        signs = (">=", "<=") if found.operator == "BETWEEN" else (found.operator,)
        return _joined(
            " AND ",
            (
                self._same_type(column, sign, one.value)
                for sign, one in zip(signs, found.values, strict=True)
            ),
        )

    def _same_type(self, column: sql.Composable, operator: str, value: Value) -> sql.Composable:
        # Values of JSON have one order over all types, so the type is read of few.
        given = sql.SQL("{}::jsonb").format(self.parameters.add(Jsonb(value)))
        compared = sql.SQL("{} {} {}").format(column, sql.SQL(_SYMBOLS[operator]), given)
        if operator == "=":
            return sql.SQL("({})").format(compared)
        kind = sql.Literal(_json_type(value))
        return sql.SQL("({} AND jsonb_typeof({}) = {})").format(compared, column, kind)


def _named(column: sql.Composable) -> sql.Composable:
    """Return the name of a pseudonym; the pseudonym itself if its name is erased."""
    return sql.SQL(
        "(coalesce((SELECT p.name FROM pedigree.pseudonym p WHERE p.pseudonym = {0}), {0})"
        ' COLLATE "C")'
    ).format(column)


def _joined(word: LiteralString, parts: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL("({})").format(sql.SQL(word).join(parts))


def _json_type(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def joins(fields: Sequence[Field]) -> sql.SQL:
    """Return the join to ``s`` that columns of these fields need; it finds at most one row."""
    if any(FIELDS[field.name].sql.startswith("f.") for field in fields):
        return sql.SQL(" LEFT JOIN pedigree.staleness f USING (model_id, version)")
    return sql.SQL("")
