"""Find the versions of a page: three ways, for orders and filters of every kind.

*Few hits*: some part of the filter finds few versions; these are fetched, filtered and sorted.
*In order*: an index has the order; it is walked and filtered until the page is full. Where words
(tags, stage, owner …) are asked for in the order of time, their lists are walked side by side.
*All*: neither holds, and all versions that the filter finds are sorted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from pedigree.catalog.search import drivers
from pedigree.catalog.search.expressions import Expression, conjuncts
from pedigree.catalog.search.fields import FIELDS, Kind
from pedigree.catalog.search.ordering import Position, SortKey, cursor_value
from pedigree.catalog.search.translation import Parameters, Translator, fields_of, joins
from pedigree.catalog.search.words import SQL
from pedigree.postgres.transaction import Row, Transaction

_ALL = sql.SQL("pedigree.search_version s")
_WALKED = frozenset({"created_at", "name", "stage", "flavor"})


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is asked for."""

    expression: Expression | None
    order: tuple[SortKey, ...]
    limit: int
    after: Position | None
    words: dict[str, str]

    @property
    def parts(self) -> tuple[Expression, ...]:
        """What must all hold."""
        return conjuncts(self.expression)

    @property
    def by_time(self) -> bool:
        """Whether the order is that of time alone."""
        return [key.field.name for key in self.order] == ["created_at"]

    @property
    def way(self) -> sql.SQL:
        """The way of what decides between equals: that of the first key, as indexes lie."""
        return sql.SQL("DESC" if self.order[0].descending else "ASC")

    @property
    def beyond(self) -> sql.SQL:
        """The sign between a row and the position that it is behind."""
        return sql.SQL("<" if self.order[0].descending else ">")


def find(transaction: Transaction, search: Search) -> list[Position]:
    """Return the positions of the page's versions."""
    lists = [part for part in search.parts if drivers.posting(part, _translator(search))]
    if search.by_time and lists and len(lists) == len(search.parts):
        return _along_lists(transaction, search, lists)
    use_joins(transaction, nested=True)
    if search.parts:
        part, count = drivers.fewest(transaction, search.parts, search.words)
        if part is not None and count <= drivers.FEW:
            return _among_few(transaction, search, part)
    if search.by_time and lists:
        return _along_lists(transaction, search, lists)
    first = search.order[0]
    if first.field.name in _WALKED:
        return _select(
            transaction, search, _translator(search), sql.SQL("pedigree.search_version s")
        )
    if first.field.name == "metrics" and len(search.order) == 1:
        return _along_metric(transaction, search)
    use_joins(transaction, nested=True, merged=True, hashed=True, scanned=True)
    return _select(transaction, search, _translator(search), _ALL)


def use_joins(
    transaction: Transaction,
    *,
    nested: bool = False,
    merged: bool = False,
    hashed: bool = False,
    scanned: bool = False,
) -> None:
    """Say which ways the planner may take from here to the transaction's end."""
    allowed = {"nested": nested, "merged": merged, "hashed": hashed, "scanned": scanned}
    transaction.execute(
        SQL["use_joins"], {name: "on" if value else "off" for name, value in allowed.items()}
    )


def _translator(search: Search) -> Translator:
    return Translator(Parameters(), search.words)


def _among_few(transaction: Transaction, search: Search, part: Expression) -> list[Position]:
    translator = _translator(search)
    # The limit tells the planner how few they are; there are not as many.
    hits = sql.SQL("({} LIMIT {}) AS hits JOIN pedigree.search_version s USING (model_id, version)")
    source = hits.format(drivers.driving(part, translator), sql.Literal(drivers.FEW + 1))
    return _select(transaction, search, translator, source)


def _select(
    transaction: Transaction,
    search: Search,
    translator: Translator,
    source: sql.Composable,
) -> list[Position]:
    statement = sql.SQL(
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
    return _positions(transaction.execute(statement, translator.parameters).fetchall(), search)


def _along_lists(
    transaction: Transaction, search: Search, lists: Sequence[Expression]
) -> list[Position]:
    use_joins(transaction, merged=True)
    translator = _translator(search)
    after = _behind(search, translator, ("created_at", "model_id", "version"))
    first, *others = (
        sql.SQL("({} AND {})").format(drivers.posting(part, translator), after) for part in lists
    )
    joined = [
        sql.SQL(" JOIN {} AS l{} USING (created_at, model_id, version)").format(
            other, sql.Literal(index)
        )
        for index, other in enumerate(others, 1)
    ]
    statement = sql.SQL(
        "SELECT model_id, version, created_at AS k0 FROM {source} WHERE {rest}"
        " ORDER BY created_at {way}, model_id {way}, version {way} LIMIT {limit}"
    ).format(
        source=sql.Composed([first, sql.SQL(" AS l0"), *joined]),
        rest=_rest(search, lists, translator),
        way=search.way,
        limit=translator.parameters.add(search.limit),
    )
    return _positions(transaction.execute(statement, translator.parameters).fetchall(), search)


def _rest(search: Search, lists: Sequence[Expression], translator: Translator) -> sql.Composable:
    """Return what the lists leave to be asked of each version, as a subquery that stays one."""
    parts = [part for part in search.parts if part not in lists]
    if not parts:
        return sql.SQL("true")
    fields = [field for part in parts for field in fields_of(part)]
    return sql.SQL(
        "(SELECT {} FROM pedigree.search_version s{}"
        " WHERE s.model_id = l0.model_id AND s.version = l0.version)"
    ).format(translator.all_of(parts), joins(fields))


def _along_metric(transaction: Transaction, search: Search) -> list[Position]:
    """Walk those that have the metric by its value, and then those that have it not."""
    found: list[Position] = []
    if search.after is None or search.after.values[0] is not None:
        found = _with_metric(transaction, search)
    if len(found) == search.limit:
        return found
    translator = _translator(search)
    key = search.order[0]
    ended = search.after if search.after and search.after.values[0] is None else None
    behind = replace(search, after=ended, limit=search.limit - len(found))
    statement = sql.SQL(
        "SELECT s.model_id, s.version, NULL AS k0 FROM pedigree.search_version s{joins}"
        " WHERE {metric} IS NULL AND {filter} AND {after}"
        " ORDER BY s.model_id {way}, s.version {way} LIMIT {limit}"
    ).format(
        joins=joins(fields_of(search.expression)),
        metric=translator.column(key.field),
        filter=translator.all_of(search.parts),
        after=_behind(behind, translator, ("s.model_id", "s.version")),
        way=search.way,
        limit=translator.parameters.add(behind.limit),
    )
    rows = transaction.execute(statement, translator.parameters).fetchall()
    return found + _positions(rows, search)


def _with_metric(transaction: Transaction, search: Search) -> list[Position]:
    translator = _translator(search)
    statement = sql.SQL(
        "SELECT o.model_id, o.version, o.value AS k0 FROM pedigree.search_metric o"
        " JOIN pedigree.search_version s ON s.model_id = o.model_id AND s.version = o.version"
        "{joins} WHERE o.key = {key} AND {filter} AND {after}"
        " ORDER BY o.value {way}, o.model_id {way}, o.version {way} LIMIT {limit}"
    ).format(
        joins=joins(fields_of(search.expression)),
        key=translator.parameters.add(search.order[0].field.key),
        filter=translator.all_of(search.parts),
        after=_behind(search, translator, ("o.value", "o.model_id", "o.version")),
        way=search.way,
        limit=translator.parameters.add(search.limit),
    )
    return _positions(transaction.execute(statement, translator.parameters).fetchall(), search)


def _behind(
    search: Search, translator: Translator, columns: tuple[LiteralString, ...]
) -> sql.Composable:
    """Return that a row of columns is behind the page before, as one comparison of rows."""
    if search.after is None:
        return sql.SQL("true")
    bounds = [translator.parameters.add(search.after.model_id)]
    bounds += [translator.parameters.add(search.after.version)]
    if len(columns) > len(bounds):
        bounds.insert(0, _bound(search.order[0], search.after.values[0], translator))
    row = sql.SQL(", ").join(sql.SQL(column) for column in columns)
    return sql.SQL("({}) {} ({})").format(row, search.beyond, sql.SQL(", ").join(bounds))


def _after(search: Search, translator: Translator) -> sql.Composable:
    """Return that a version is behind the page before, for any keys, also where they are NULL."""
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
    tie = _behind(replace(search, order=search.order[:1]), translator, ("s.model_id", "s.version"))
    found.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*same, tie])))
    anywhere = sql.SQL("({})").format(sql.SQL(" OR ").join(found))
    first = search.order[0]
    if not _required(first):
        return anywhere
    # Said once more in the form that an index understands.
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
    # An index that is read backwards has its NULLs first: where there are none, nothing is said.
    last = "" if _required(key) else " NULLS LAST"
    return sql.SQL("{} {}{}").format(translator.column(key.field), sql.SQL(way), sql.SQL(last))


def _positions(rows: Sequence[Row], search: Search) -> list[Position]:
    return [
        Position(
            values=tuple(cursor_value(row[f"k{index}"]) for index in range(len(search.order))),
            model_id=row["model_id"],
            version=row["version"],
        )
        for row in rows
    ]
