"""A search as a loop over all versions in Python: what the planner's answers are compared with."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pedigree.catalog.search.ast import And, Comparison, Expression, Not, Or
from pedigree.catalog.search.fields import FIELDS, Kind
from pedigree.catalog.search.ordering import SortKey

# Not from the tables of search, which are what is tested.
_ROWS = """
SELECT r.*, r.model_name AS name, r.version_id AS version, r.aliases AS alias, r.owners AS owner,
    r.quarantine_reason IS NOT NULL AS quarantined, r.hold_reason IS NOT NULL AS held,
    r.overrides > 0 AS overridden,
    r.state, r.state = 'sealed' AS sealed,
    f.stale, f.data_behind, f.code_behind, first.training_id
FROM pedigree.version_record r
LEFT JOIN pedigree.staleness f ON f.model_id = r.model_id AND f.version = r.version_id
CROSS JOIN LATERAL (
    SELECT training_id FROM pedigree.training t
    WHERE t.model_id = r.model_id AND t.version = r.version_id
    ORDER BY created_at, training_id LIMIT 1
) AS first
"""
_NODES = """
SELECT training_id, kind, asset, partition, upstream,
    pedigree.lineage_certainty(certainty, kind) > 'unknown' AS is_known
FROM pedigree.lineage_node
"""
_HITS = """
SELECT x.model_id, x.version FROM pedigree.search_text x
WHERE x.document @@ websearch_to_tsquery('pg_catalog.english', %s)
"""
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_TYPES = (str, float, bool)  # the order of JSON values of different types


@dataclass
class Versions:
    """All living versions, and what other tables have of them."""

    rows: list[dict[str, Any]]
    nodes: dict[Any, list[dict[str, Any]]]
    hits: dict[str, set[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: psycopg.Connection[Any], words: Sequence[str]) -> "Versions":
        """Read all versions, and which of them have some words."""
        nodes = defaultdict(list)
        for node in connection.execute(_NODES).fetchall():
            nodes[node["training_id"]].append(node)
        hits = {
            text: {
                (row["model_id"], row["version"])
                for row in connection.execute(_HITS, [text]).fetchall()
            }
            for text in words
        }
        return cls(connection.execute(_ROWS).fetchall(), nodes, hits)

    def found(self, expression: Expression | None) -> list[dict[str, Any]]:
        """Return the versions that satisfy a filter."""
        return [
            row for row in self.rows if expression is None or self.holds(expression, row) is True
        ]

    def holds(self, expression: Expression, row: dict[str, Any]) -> bool | None:
        """Return whether a version satisfies a filter, with the logic of three values."""
        match expression:
            case Not(inner):
                held = self.holds(inner, row)
                return None if held is None else not held
            case And(parts):
                every = [self.holds(part, row) for part in parts]
                return False if False in every else None if None in every else True
            case Or(parts):
                every = [self.holds(part, row) for part in parts]
                return True if True in every else None if None in every else False
            case Comparison():
                return self._compared(expression, row)

    def _compared(self, found: Comparison, row: dict[str, Any]) -> bool | None:
        values = [one.value for one in found.values]
        match FIELDS[found.field.name].kind:
            case Kind.WORDS:
                return (row["model_id"], row["version"]) in self.hits[str(values[0])]
            case Kind.TEXTS if found.field.name == "lineage":
                return self._depends(found, row["training_id"])
            case Kind.TEXTS:
                return _any_of(found.operator, row[found.field.name], values)
        value = value_of(row, found.field.name, found.field.key)
        if found.operator in {"IS NULL", "IS NOT NULL"}:
            return (value is None) == (found.operator == "IS NULL")
        compare = _of_one_type if FIELDS[found.field.name].kind is Kind.ANY else _holds
        return None if value is None else compare(found.operator, value, values)

    def _depends(self, found: Comparison, training: Any) -> bool | None:
        if found.operator in {"!=", "IS NULL"}:
            positive = "=" if found.values else "IS NOT NULL"
            depends = self._depends(
                Comparison(
                    field=found.field, operator=positive, values=found.values, place=found.place
                ),
                training,
            )
            return None if depends is None else not depends
        asset, partitions = found.field.key, {one.value for one in found.values}
        nodes = self.nodes[training]
        own = [n for n in nodes if n["kind"] != "step" and n["asset"] == asset]
        whole = [n for n in own if n["kind"] == "missing" and n["partition"] is None]
        same = [n for n in own if not partitions or n["partition"] in partitions]
        if any(n["is_known"] for n in same) or (whole and not partitions):
            return True
        open_ended = any(
            n["kind"] in {"step", "missing"} and (n["upstream"] is None or asset in n["upstream"])
            for n in nodes
        )
        return None if open_ended or same or whole or not nodes else False


def value_of(row: dict[str, Any], name: str, key: str | None) -> Any:
    """Return a field of a version."""
    value = row[name]
    return value.get(key) if key is not None else value


def _any_of(operator: str, texts: Sequence[str], values: Sequence[Any]) -> bool:
    match operator:
        case "IS NULL":
            return not texts
        case "IS NOT NULL":
            return bool(texts)
        case "!=":
            return values[0] not in texts
    return any(_holds(operator, text, values) for text in texts)


def _of_one_type(operator: str, value: Any, values: Sequence[Any]) -> bool | None:
    if operator == "IN":
        every = [_of_one_type("=", value, [one]) for one in values]
        return True if True in every else None if None in every else False
    if len({_type(one) for one in (value, *values)}) > 1:
        return None
    return _holds(operator, value, values)


def _type(value: Any) -> int:
    kind = bool if isinstance(value, bool) else str if isinstance(value, str) else float
    return _TYPES.index(kind)


def _holds(operator: str, value: Any, values: Sequence[Any]) -> bool:
    match operator:
        case "IN":
            return value in values
        case "BETWEEN":
            return bool(values[0] <= value <= values[1])
        case "LIKE" | "ILIKE":
            pattern = "".join(
                {"%": ".*", "_": "."}.get(one, re.escape(one)) for one in str(values[0])
            )
            flags = re.DOTALL | (re.IGNORECASE if operator == "ILIKE" else 0)
            return re.fullmatch(pattern, str(value), flags) is not None
    return _COMPARE[operator](value, values[0])


def in_order(rows: Sequence[dict[str, Any]], order: Sequence[SortKey]) -> list[tuple[int, int]]:
    """Return the keys of versions in an order: without a value last, and ties as registered."""
    ordered = sorted(
        rows,
        key=lambda row: (row["model_id"], row["version"]),
        reverse=order[0].descending,
    )
    for key in reversed(order):
        with_value = [r for r in ordered if value_of(r, key.field.name, key.field.key) is not None]
        without = [r for r in ordered if value_of(r, key.field.name, key.field.key) is None]

        def sort_value(row: dict[str, Any], key: SortKey = key) -> Any:
            value = value_of(row, key.field.name, key.field.key)
            return (_type(value), value) if key.kind is Kind.ANY else value

        # A stable sort, also in reverse.
        ordered = sorted(with_value, key=sort_value, reverse=key.descending) + without
    return [(row["model_id"], row["version"]) for row in ordered]


def facets_of(rows: Sequence[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Return how many versions have each value of each facet."""
    return {
        "stage": Counter(row["stage"] for row in rows),
        "flavor": Counter(row["flavor"] for row in rows),
        "owner": Counter(owner for row in rows for owner in set(row["owners"])),
        "tag": Counter(f"{key}={value}" for row in rows for key, value in row["tags"].items()),
    }
