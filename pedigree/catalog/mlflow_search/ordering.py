"""Orders as SQL, and the place after which a page begins."""

from collections.abc import Mapping, Sequence
from typing import LiteralString, NamedTuple

from psycopg import sql
from pydantic import JsonValue

from pedigree.catalog.mlflow_search.conditions import OrderField, OrderKey
from pedigree.catalog.search.parameters import Parameters

# What is sorted by, of a version `v`. Numbers are negated where they descend, so that the order of
# an index is one comparison of rows.
_NUMBERS: Mapping[OrderField, LiteralString] = {
    OrderField.VERSION: "v.version",
    OrderField.CREATED: "pedigree.milliseconds(v.created_at)",
    OrderField.UPDATED: "v.updated_ms",
}
_NEWEST = ((OrderField.UPDATED, True), (OrderField.NAME, False), (OrderField.VERSION, True))
_IN_A_MODEL = ((OrderField.UPDATED, True), (OrderField.VERSION, True))
_BY_NAME = ((OrderField.NAME, False), (OrderField.VERSION, True))
_BY_VERSION = ((OrderField.VERSION, True),)


class SortedBy(NamedTuple):
    """An order of versions.

    Args:
        keys: Its keys.
        is_walkable: Whether an index has the versions in this order.
        is_of_lists: Whether the lists of tags have them in this order.
    """

    keys: tuple[OrderKey, ...]
    is_walkable: bool
    is_of_lists: bool = False

    @property
    def columns(self) -> sql.Composable:
        """What is sorted by, as columns k0, k1 and so on."""
        return sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(_column(key), sql.Identifier(f"k{index}"))
            for index, key in enumerate(self.keys)
        )

    @property
    def order(self) -> sql.Composable:
        """The order by these columns."""
        return sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(f"k{index}"), sql.SQL(_way(key)))
            for index, key in enumerate(self.keys)
        )

    def after(self, place: Sequence[JsonValue] | None, parameters: Parameters) -> sql.Composable:
        """Return the condition that a version follows a place."""
        if place is None:
            return sql.SQL("true")
        columns: list[sql.Composable] = [_column(key) for key in self.keys]
        bounds: list[sql.Composable] = [
            sql.SQL("{}::{}").format(parameters.add(value), _type(key))
            for key, value in zip(self.keys, place, strict=True)
        ]
        if all(_way(key) == "ASC" for key in self.keys):
            return sql.SQL("({}) > ({})").format(
                sql.SQL(", ").join(columns), sql.SQL(", ").join(bounds)
            )
        return self._after_any(columns, bounds)

    def after_in_list(
        self, place: Sequence[JsonValue] | None, parameters: Parameters
    ) -> sql.Composable:
        """Return the condition that a row of a list of a tag follows a place."""
        if place is None:
            return sql.SQL("true")
        age, name, back = (parameters.add(value) for value in place)
        return sql.SQL(
            '(age, name, back) > ({}::bigint, {}::text COLLATE "C", {}::integer)'
        ).format(age, name, back)

    def _after_any(
        self, columns: list[sql.Composable], bounds: list[sql.Composable]
    ) -> sql.Composable:
        found: list[sql.Composable] = []
        for index, key in enumerate(self.keys):
            same = [
                sql.SQL("{} = {}").format(column, bound)
                for column, bound in zip(columns[:index], bounds[:index], strict=True)
            ]
            sign = sql.SQL(">" if _way(key) == "ASC" else "<")
            beyond = sql.SQL("{} {} {}").format(columns[index], sign, bounds[index])
            found.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*same, beyond])))
        return sql.SQL("({})").format(sql.SQL(" OR ").join(found))


def sorted_by(keys: Sequence[OrderKey], *, of_one_model: bool) -> SortedBy:
    """Return an order of versions.

    Args:
        keys: Its keys.
        of_one_model: Whether all of them have the same name.
    """
    kept = tuple(key for key in keys if not (of_one_model and key.field is OrderField.NAME))
    # Nothing follows the keys that tell all versions apart.
    last = {OrderField.VERSION} if of_one_model else {OrderField.NAME, OrderField.VERSION}
    for index in range(len(kept)):
        if last <= {key.field for key in kept[: index + 1]}:
            kept = kept[: index + 1]
            break
    shape = tuple((key.field, key.descending) for key in kept)
    walkable = {_IN_A_MODEL, _BY_VERSION} if of_one_model else {_NEWEST, _BY_NAME}
    return SortedBy(kept, shape in walkable, shape == _NEWEST)


def _way(key: OrderKey) -> LiteralString:
    return "DESC" if key.descending and key.field is OrderField.NAME else "ASC"


def _type(key: OrderKey) -> sql.SQL:
    return sql.SQL('text COLLATE "C"' if key.field is OrderField.NAME else "bigint")


def _column(key: OrderKey) -> sql.Composable:
    if key.field is OrderField.NAME:
        return sql.SQL("v.name")
    column = sql.SQL(_NUMBERS[key.field])
    return sql.SQL("(-{})").format(column) if key.descending else column
