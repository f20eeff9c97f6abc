"""The statement of one page: its columns, start position and order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from pedigree.catalog.search.ast import Expression, conjuncts
from pedigree.catalog.search.execution import NESTED, SearchPlan, ask
from pedigree.catalog.search.fields import FIELDS, Kind
from pedigree.catalog.search.ordering import Position, SortKey, cursor_value
from pedigree.catalog.search.to_sql import Parameters, Translator, fields_of, joins
from pedigree.postgres.transaction import Row, Transaction


@dataclass(frozen=True, kw_only=True)
class Search:
    """The parameters of a search."""

    expression: Expression | None
    order: tuple[SortKey, ...]
    limit: int
    after: Position | None
    words: dict[str, str]

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The parts of the filter that must all hold."""
        return conjuncts(self.expression)

    @property
    def by_time(self) -> bool:
        """Whether the order is by time only."""
        return [key.field.name for key in self.order] == ["created_at"]

    @property
    def way(self) -> sql.SQL:
        """The direction of the tie-breakers: that of the first key, as in the indexes."""
        return sql.SQL("DESC" if self.order[0].descending else "ASC")

    @property
    def beyond(self) -> sql.SQL:
        """The comparison operator between a row and the position that it must follow."""
        return sql.SQL("<" if self.order[0].descending else ">")


def translator_of(search: Search) -> Translator:
    """Return a translator for another statement of a search."""
    return Translator(Parameters(), search.words)


def page(
    transaction: Transaction,
    statement: sql.Composable,
    translator: Translator,
    plan: SearchPlan = NESTED,
) -> list[Row]:
    """Return the rows of a page's statement: the versions, with the values of the order."""
    return ask(transaction, statement, translator.parameters, plan)


def selected(search: Search, translator: Translator, source: sql.Composable) -> sql.Composable:
    """Return the statement that applies the whole filter to a source, ``s``."""
    return sql.SQL(
        "SELECT s.model_id, s.version, {keys} FROM {source}{joins}"
        " WHERE {filter} AND {after} ORDER BY {order}, s.model_id {way}, s.version {way}"
        " LIMIT {limit}"
    ).format(
        keys=_selected(search.order, translator),
        source=source,
        joins=joins([*fields_of(search.expression), *(key.field for key in search.order)]),
        filter=translator.all_of(search.parts),
        after=_after(search, translator),
        order=sql.SQL(", ").join(_sorted(key, translator) for key in search.order),
        way=search.way,
        limit=translator.parameters.add(search.limit),
    )


def after_page(
    search: Search, translator: Translator, columns: tuple[LiteralString, ...]
) -> sql.Composable:
    """Return the condition that a row of columns follows the previous page, as a row comparison."""
    if search.after is None:
        return sql.SQL("true")
    bounds = [translator.parameters.add(search.after.model_id)]
    bounds += [translator.parameters.add(search.after.version)]
    if len(columns) > len(bounds):
        bounds.insert(0, _bound(search.order[0], search.after.values[0], translator))
    row = sql.SQL(", ").join(sql.SQL(column) for column in columns)
    return sql.SQL("({}) {} ({})").format(row, search.beyond, sql.SQL(", ").join(bounds))


def position_of(row: Row) -> Position:
    """Return the position of a row of a page; its sort values are the columns k0, k1 and so on."""
    keys = sorted(name for name in row if name.startswith("k"))
    return Position(
        values=tuple(cursor_value(row[key]) for key in keys),
        model_id=row["model_id"],
        version=row["version"],
    )


def _after(search: Search, translator: Translator) -> sql.Composable:
    """Return the condition that a version follows the previous page, also for NULL keys."""
    position = search.after
    if position is None:
        return sql.SQL("true")
    same: list[sql.Composable] = []
    found: list[sql.Composable] = []
    for key, value in zip(search.order, position.values, strict=True):
        column, bound = translator.column(key.field), _bound(key, value, translator)
        sign = sql.SQL("<" if key.descending else ">")
        if value is not None:
            beyond = sql.SQL("({0} {1} {2} OR {0} IS NULL)").format(column, sign, bound)
            found.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*same, beyond])))
        same.append(sql.SQL("({} IS NOT DISTINCT FROM {})").format(column, bound))
    tie = after_page(
        replace(search, order=search.order[:1]), translator, ("s.model_id", "s.version")
    )
    found.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*same, tie])))
    anywhere = sql.SQL("({})").format(sql.SQL(" OR ").join(found))
    first = search.order[0]
    if not _required(first):
        return anywhere
    # The same condition again, in a form that an index supports.
    start = sql.SQL("{} {}= {}").format(
        translator.column(first.field), search.beyond, _bound(first, position.values[0], translator)
    )
    return sql.SQL("{} AND {}").format(start, anywhere)


def _required(key: SortKey) -> bool:
    return key.field.key is None and FIELDS[key.field.name].sql.startswith("s.")


def _bound(key: SortKey, value: object, translator: Translator) -> sql.Composable:
    if key.kind is Kind.TIME and isinstance(value, str):
        value = datetime.fromisoformat(value)
    casts: dict[Kind, LiteralString] = {Kind.ANY: "{}::text::jsonb", Kind.TIME: "{}::timestamptz"}
    types: dict[Kind, LiteralString] = {
        Kind.TEXT: '({}::text COLLATE "C")',
        Kind.NUMBER: "{}::double precision",
        Kind.BOOLEAN: "{}::boolean",
    }
    cast = (casts | types)[key.kind]
    return sql.SQL(cast).format(translator.parameters.add(value))


def _selected(order: Sequence[SortKey], translator: Translator) -> sql.Composable:
    cast: dict[bool, LiteralString] = {True: "({})::text AS {}", False: "{} AS {}"}
    return sql.SQL(", ").join(
        sql.SQL(cast[key.kind is Kind.ANY]).format(
            translator.column(key.field), sql.Identifier(f"k{index}")
        )
        for index, key in enumerate(order)
    )


def _sorted(key: SortKey, translator: Translator) -> sql.Composable:
    way = "DESC" if key.descending else "ASC"
    # An index scanned backward has its NULLs first. Without NULLs, the clause is omitted.
    last = "" if _required(key) else " NULLS LAST"
    return sql.SQL("{} {}{}").format(translator.column(key.field), sql.SQL(way), sql.SQL(last))
