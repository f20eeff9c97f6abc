"""Translate a filter to SQL: allowed columns only, and every typed value as a parameter."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from pedigree.catalog.search.ast import (
    And,
    Comparison,
    Expression,
    Field,
    Not,
    Or,
    Value,
    comparisons,
)
from pedigree.catalog.search.fields import FIELDS, Kind

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
# The same result as the query trained_on. The planner does not move scalar subqueries.
_DEPENDS: LiteralString = """(CASE
    WHEN (
        SELECT true FROM pedigree.lineage_node n
        WHERE n.training_id = s.training_id AND n.kind <> 'step' AND n.asset = {asset} AND {found}
        LIMIT 1
    ) THEN true
    WHEN (
        SELECT true FROM pedigree.lineage_node n
        WHERE n.training_id = s.training_id AND (
            (n.kind IN ('step', 'missing')
                AND (n.upstream IS NULL OR n.upstream @> ARRAY[{asset}]))
            OR (n.kind <> 'step' AND n.asset = {asset} AND {unclear})
        )
        LIMIT 1
    ) THEN NULL
    -- NULL, too, if no lineage is recorded.
    ELSE (SELECT false FROM pedigree.lineage_node n WHERE n.training_id = s.training_id LIMIT 1)
END)"""
_KNOWN: LiteralString = "pedigree.lineage_certainty(n.certainty, n.kind) > 'unknown'"
_SOMETHING: LiteralString = "(n.kind = 'missing' AND n.partition IS NULL)"
_WORD = re.compile(r"'((?:[^']|'')*)'")
"""A word in the text of a tsquery."""
_JOINS: dict[str, LiteralString] = {
    "v": " JOIN pedigree.model_version v ON v.model_id = s.model_id AND v.version = s.version",
    "a": " JOIN pedigree.artifact a ON a.digest = v.digest",
    "t": " JOIN pedigree.training t ON t.training_id = s.training_id",
    "f": (" LEFT JOIN pedigree.staleness f ON f.model_id = s.model_id AND f.version = s.version"),
}


class Parameters(dict[str, object]):
    """The values of one statement, by the names of their placeholders."""

    def add(self, value: object) -> sql.Composable:
        """Add a value, and return its placeholder."""
        name = f"p{len(self)}"
        self[name] = value
        return sql.Placeholder(name)


class Translator:
    """Translates for one statement.

    Args:
        parameters: Collects the statement's values.
        words: The tsquery of each text of a MATCH.
    """

    def __init__(self, parameters: Parameters, words: dict[str, str]) -> None:
        self.parameters = parameters
        self._words = words

    def condition(self, expression: Expression) -> sql.Composable:
        """Return an expression over the row ``s`` and the rows that :func:`joins` joins to it."""
        match expression:
            case Not(inner):
                return sql.SQL("NOT {}").format(self.condition(inner))
            case And(parts):
                return self._joined(" AND ", map(self.condition, parts))
            case Or(parts):
                return self._joined(" OR ", map(self.condition, parts))
            case Comparison():
                return self._comparison(expression)

    def all_of(self, parts: Iterable[Expression]) -> sql.Composable:
        """Return the condition that all parts hold."""
        found = [self.condition(part) for part in parts]
        return self._joined(" AND ", found) if found else sql.SQL("true")

    def column(self, field: Field) -> sql.Composable:
        """Return the column of a field in the row ``s``."""
        rule = FIELDS[field.name]
        if not rule.keyed:
            return sql.SQL(rule.sql)
        return sql.SQL(rule.sql).format(self._text(field.key))

    def query(self, words: str) -> sql.Composable:
        """Return the text of a MATCH as a tsquery."""
        return sql.SQL("{}::tsquery").format(self.parameters.add(self._words[words]))

    def match_in_month(self, words: str) -> sql.Composable:
        """Return the condition that the text ``x`` is of the month ``m`` and matches the words."""
        return sql.SQL(
            "pedigree.words_of_month(x.document, x.created_at)"
            r" @@ replace({}::text, E'\n', m.month::text)::tsquery"
        ).format(self.parameters.add(_in_month(self._words[words])))

    def value(self, kind: Kind, value: Value) -> sql.Composable:
        """Return a placeholder with a field's type."""
        return sql.Composed([self.parameters.add(value), sql.SQL(_CASTS[kind])])

    def _comparison(self, found: Comparison) -> sql.Composable:
        kind = FIELDS[found.field.name].kind
        if kind is Kind.WORDS:
            return self._match(found)
        if found.operator == "IS NOT NULL":
            return sql.SQL("NOT {}").format(self._null(found.field, kind))
        if found.operator == "IS NULL":
            return self._null(found.field, kind)
        if kind is Kind.TEXTS:
            return self._any_of(found)
        if kind is Kind.ANY:
            return self._any_type(found)
        column = self.column(found.field)
        wanted = kind if found.operator not in {"LIKE", "ILIKE"} else Kind.TEXT
        return self.compared(
            column, found.operator, [self.value(wanted, one.value) for one in found.values]
        )

    def compared(
        self, column: sql.Composable, operator: str, values: list[sql.Composable]
    ) -> sql.Composable:
        """Return the comparison of a column with values."""
        if operator == "BETWEEN":
            return sql.SQL("({} BETWEEN {} AND {})").format(column, *values)
        if operator == "IN":
            return sql.SQL("({} IN ({}))").format(column, sql.SQL(", ").join(values))
        return sql.SQL("({} {} {})").format(column, sql.SQL(_SYMBOLS[operator]), values[0])

    def _null(self, field: Field, kind: Kind) -> sql.Composable:
        if field.name == "lineage":
            return sql.SQL("NOT {}").format(self._lineage(field))
        if kind is Kind.TEXTS:
            return sql.SQL("(cardinality({}) = 0)").format(self.column(field))
        return sql.SQL("({} IS NULL)").format(self.column(field))

    def _any_of(self, found: Comparison) -> sql.Composable:
        """Return the condition that one of several texts matches; with ``!=``, that none does."""
        if found.operator == "!=":
            same = Comparison(
                field=found.field, operator="=", values=found.values, place=found.place
            )
            return sql.SQL("NOT {}").format(self._any_of(same))
        values = [self.value(Kind.TEXT, one.value) for one in found.values]
        if found.field.name == "lineage":
            return self._lineage(
                found.field, self.compared(sql.SQL("n.partition"), found.operator, values)
            )
        return sql.SQL("EXISTS (SELECT FROM unnest({}) AS one WHERE {})").format(
            self.column(found.field),
            self.compared(sql.SQL('one COLLATE "C"'), found.operator, values),
        )

    def _lineage(self, field: Field, condition: sql.Composable | None = None) -> sql.Composable:
        """Return whether a version certainly or possibly depends on an asset; NULL: not known.

        Args:
            field: Its key is the asset.
            condition: The condition on the partition's name; None: the whole asset.
        """
        found: sql.Composable = sql.SQL(f"({_SOMETHING} OR {_KNOWN})")
        unclear: sql.Composable = sql.SQL("true")
        if condition is not None:
            found = sql.SQL(f"{{}} AND {_KNOWN}").format(condition)
            unclear = sql.SQL(f"({{}} OR {_SOMETHING})").format(condition)
        asset = self._text(field.key)
        return sql.SQL(_DEPENDS).format(asset=asset, found=found, unclear=unclear)

    def _match(self, found: Comparison) -> sql.Composable:
        return sql.SQL(
            "((SELECT x.document @@ {} FROM pedigree.search_text x"
            " WHERE x.model_id = s.model_id AND x.version = s.version) IS TRUE)"
        ).format(self.query(str(found.values[0].value)))

    def _any_type(self, found: Comparison) -> sql.Composable:
        """Compare a parameter with values of its own type; another type gives NULL."""
        if found.operator == "IN":
            each = (
                Comparison(field=found.field, operator="=", values=(one,), place=found.place)
                for one in found.values
            )
            return self._joined(" OR ", map(self._any_type, each))
        types = {_json_type(one.value) for one in found.values}
        if len(types) > 1:
            return sql.SQL("NULL::boolean")
        column = self.column(found.field)
        values = [self._json_value(one.value) for one in found.values]
        return self.compared(
            sql.SQL(_AS_TYPE[types.pop()]).format(column, column), found.operator, values
        )

    def _json_value(self, value: Value) -> sql.Composable:
        if isinstance(value, bool):
            return self.value(Kind.BOOLEAN, value)
        if isinstance(value, int | float):
            exact = self.parameters.add(Decimal(str(value)))
            return sql.SQL("{}::numeric").format(exact)
        return self.value(Kind.TEXT, value)

    def json_pair(self, field: Field, value: Value) -> sql.Composable:
        """Return the object with the field's key and a value."""
        return sql.SQL("{}::jsonb").format(self.parameters.add(Jsonb({field.key: value})))

    def _text(self, value: str | None) -> sql.Composable:
        return sql.SQL("{}::text").format(self.parameters.add(value))

    @staticmethod
    def _joined(word: LiteralString, parts: Iterable[sql.Composable]) -> sql.Composable:
        return sql.SQL("({})").format(sql.SQL(word).join(parts))


_AS_TYPE: dict[str, LiteralString] = {
    "number": "(CASE jsonb_typeof({}) WHEN 'number' THEN ({})::numeric END)",
    "boolean": "(CASE jsonb_typeof({}) WHEN 'boolean' THEN ({})::boolean END)",
    "string": """((CASE jsonb_typeof({}) WHEN 'string' THEN ({}) #>> '{{}}' END) COLLATE "C")""",
}


def _json_type(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _in_month(query: str) -> str:
    """Return a tsquery's text with a placeholder for the month, a newline, before each word.

    With a negation, the month itself is also required: the words are missing in other months, too.
    """
    placed = _WORD.sub(r"'\n:\1'", query)
    return f"'\n' & ({placed})" if "!" in _WORD.sub("", query) else placed


def joins(fields: Iterable[Field]) -> sql.SQL:
    """Return the joins to ``s`` that the fields need; each finds at most one row."""
    tables = {FIELDS[field.name].sql.lstrip("(")[:2] for field in fields}
    needed = {alias for alias in _JOINS if f"{alias}." in tables}
    needed |= {"v"} if "a" in needed else set()
    return sql.SQL("").join(sql.SQL(_JOINS[alias]) for alias in _JOINS if alias in needed)  # type: ignore[return-value]


def fields_of(expression: Expression | None) -> list[Field]:
    """Return the fields that an expression compares."""
    return [found.field for found in comparisons(expression)]
