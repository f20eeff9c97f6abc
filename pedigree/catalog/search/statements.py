"""The statement of one page: its columns, start position and order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString, TypeGuard

from psycopg import sql

from pedigree.catalog.search.ast import Comparison, Expression, conjuncts
from pedigree.catalog.search.fields import Kind
from pedigree.catalog.search.ordering import Position, SortKey, cursor_value
from pedigree.catalog.search.parameters import Parameters
from pedigree.catalog.search.to_sql import Translator, joins
from pedigree.postgres.transaction import Row


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
    def of_model(self) -> str | None:
        """The name that every version it finds must have; None if there is no such name."""
        names = (part for part in self.parts if is_of_one_model(part))
        return next((str(part.values[0].value) for part in names), None)

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


def translator_of(search: Search, *, in_bulk: bool = False) -> Translator:
    """Return a translator for another statement of a search."""
    return Translator(Parameters(), search.words, in_bulk=in_bulk, of_model=search.of_model)


def is_of_one_model(part: Expression) -> TypeGuard[Comparison]:
    """Return whether a part finds versions of one model only."""
    return isinstance(part, Comparison) and (part.field.name, part.operator) == ("name", "=")


def selected(
    search: Search,
    translator: Translator,
    source: sql.Composable,
    *,
    parts: Sequence[Expression] | None = None,
    ordered_by: sql.Composable | None = None,
) -> sql.Composable:
    """Return the statement that applies a filter to a source, ``s``, and sorts.

    Args:
        search: The search.
        translator: Translates for this statement.
        source: The versions to look at.
        parts: The parts of the filter that not all versions of the source satisfy; all when None.
        ordered_by: The column by which the source is in the order of the first key, without NULL:
            then the statement ends with the page.
    """
    columns = [translator.sort_column(key.field) for key in search.order]
    if ordered_by is not None:
        columns[0] = ordered_by
    keys = [sql.Identifier(f"k{index}") for index in range(len(search.order))]
    # OFFSET 0 keeps the planner from reading all versions in the order of an index until enough of
    # them satisfy the filter. With it, it would not see the order of a source.
    fence = "" if ordered_by is not None else " OFFSET 0"
    return sql.SQL(
        "SELECT model_id, version, {keys} FROM ("
        "SELECT s.model_id, s.version, {columns} FROM {source}{joins}"
        " WHERE {filter} AND {after}{fence}"
        ") AS found ORDER BY {order}, model_id {way}, version {way} LIMIT {limit}"
    ).format(
        keys=sql.SQL(", ").join(map(_shown, search.order, keys)),
        columns=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(column, name)
            for column, name in zip(columns, keys, strict=True)
        ),
        source=source,
        joins=joins([key.field for key in search.order]),
        filter=translator.all_of(search.parts if parts is None else parts),
        after=_after(search, translator),
        fence=sql.SQL(fence),
        order=sql.SQL(", ").join(
            _sorted(key, name, has_nulls=bool(index) or ordered_by is None)
            for index, (key, name) in enumerate(zip(search.order, keys, strict=True))
        ),
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
        column, bound = translator.sort_column(key.field), _bound(key, value, translator)
        sign = sql.SQL("<" if key.descending else ">")
        if value is not None:
            beyond = sql.SQL("({0} {1} {2} OR {0} IS NULL)").format(column, sign, bound)
            found.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*same, beyond])))
        same.append(sql.SQL("({} IS NOT DISTINCT FROM {})").format(column, bound))
    tie = after_page(
        replace(search, order=search.order[:1]), translator, ("s.model_id", "s.version")
    )
    found.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*same, tie])))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(found))


def beginning_at(search: Search, column: sql.Composable, translator: Translator) -> sql.Composable:
    """Return the condition that a column, the first key, is not before the previous page."""
    if search.after is None:
        return sql.SQL("true")
    bound = _bound(search.order[0], search.after.values[0], translator)
    return sql.SQL("{} {}= {}").format(column, search.beyond, bound)


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


def _shown(key: SortKey, name: sql.Identifier) -> sql.Composable:
    cast: dict[bool, LiteralString] = {True: "found.{0}::text AS {0}", False: "found.{}"}
    return sql.SQL(cast[key.kind is Kind.ANY]).format(name)


def _sorted(key: SortKey, name: sql.Identifier, *, has_nulls: bool) -> sql.Composable:
    way = sql.SQL("DESC" if key.descending else "ASC")
    # An index read backward has its NULLs first. Without NULLs, the clause is omitted.
    last = sql.SQL(" NULLS LAST" if has_nulls else "")
    return sql.SQL("found.{} {}{}").format(name, way, last)
