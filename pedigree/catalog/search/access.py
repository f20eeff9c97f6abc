"""What indexes have of single comparisons: the versions, without a look at all others.

``docs/search.md`` lists these fields. Every other comparison is one scan of the versions.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from psycopg import sql

from pedigree.catalog.search import other_tables
from pedigree.catalog.search.ast import (
    Comparison,
    Expression,
    Field,
    Leaf,
    Literal,
    Not,
    comparison_of,
)
from pedigree.catalog.search.fields import FIELDS, Kind, compares_names
from pedigree.catalog.search.ranges import ranges, union
from pedigree.catalog.search.rare_values import rare_values, versions_where
from pedigree.catalog.search.to_sql import Translator

LONGEST_TERM = 255
"""A longer key has no terms; a longer value is cut."""
_CUT = 64
_TERMS = frozenset({"tags", "owner", "alias", "created_by"})


class Access(NamedTuple):
    """The versions that an index has of a comparison, as ``model_id, version``.

    Args:
        read: What is read of the index: its rows are the cost.
        hits: Those of them that may satisfy the comparison.
        is_exact: Whether the hits satisfy it, all of them and each once.
        reads_all: Whether the index reads all its rows before the first.
        reads_versions: Whether finding the hits reads each of the versions.
    """

    read: sql.Composable
    hits: sql.Composable
    is_exact: bool = False
    reads_all: bool = False
    reads_versions: bool = False


def access(leaf: Leaf, translator: Translator) -> Access | None:
    """Return what an index has of a leaf; None if no index serves it."""
    found = comparison_of(leaf)
    name = found.field.name
    if compares_names(found):
        return None
    if translator.of_model is not None and other_tables.needs_pointer(leaf):
        rows = other_tables.pointed_at(translator, translator.of_model, found)
        return Access(rows, rows)
    if has_terms(found.field):
        return _terms(leaf, found, translator)
    if isinstance(leaf, Not) and name not in {"metrics"}:
        return None
    find = _BY_FIELD.get(name)
    return find(leaf, found, translator) if find else None


def postings(part: Expression, translator: Translator) -> sql.Composable | None:
    """Return the versions of one word in the order of time; None if the part has another form."""
    if not isinstance(part, Comparison) or part.operator != "=":
        return None
    name, value = part.field.name, part.values[0].value
    if name in {"stage", "flavor", "name"}:
        return sql.SQL(
            "SELECT created_at, model_id, version FROM pedigree.search_version WHERE {} = {}"
        ).format(sql.Identifier(name), translator.text(str(value)))
    if not has_terms(part.field) or not are_terms(part):
        return None
    return sql.SQL(
        "SELECT created_at, model_id, version FROM pedigree.search_term"
        " WHERE field = {} AND value = {}"
    ).format(translator.text(str(part.field)), translator.text(str(value)))


def has_terms(field: Field) -> bool:
    """Return whether each value of a field is in the index of terms."""
    return field.name in _TERMS


def are_terms(found: Comparison) -> bool:
    """Return whether a comparison of such a field has values that the index does not cut."""
    return len(str(found.field)) <= LONGEST_TERM and all(
        len(str(one.value)) <= LONGEST_TERM for one in found.values
    )


def _terms(leaf: Leaf, found: Comparison, translator: Translator) -> Access | None:
    several = FIELDS[found.field.name].kind is Kind.TEXTS
    if found.operator == "IS NULL" or not are_terms(found):
        return None
    if several and (isinstance(leaf, Not) or found.operator == "!="):
        return None  # satisfied by versions that have no such term
    value = sql.SQL("value")
    parts = None if isinstance(leaf, Not) else ranges(value, found, Kind.TEXT, translator)
    field = translator.text(str(found.field))
    base = sql.SQL("SELECT model_id, version FROM pedigree.search_term WHERE field = {}").format(
        field
    )
    read = union([sql.SQL("{} AND {}").format(base, part) for part in parts or [sql.SQL("true")]])
    if parts and found.operator != "LIKE":
        return Access(read, read, is_exact=not several or found.operator == "=")
    if found.operator == "IS NOT NULL":
        return Access(read, read, is_exact=not several)
    kept = translator.compared(value, found, Kind.TEXT)
    if isinstance(leaf, Not):
        kept = sql.SQL("NOT {}").format(kept)
    hits = sql.SQL("SELECT * FROM ({}) AS term WHERE length(value) > {} OR {}").format(
        union(
            [
                sql.SQL(
                    "SELECT model_id, version, value FROM pedigree.search_term"
                    " WHERE field = {} AND {}"
                ).format(field, part)
                for part in parts or [sql.SQL("true")]
            ]
        ),
        sql.Literal(LONGEST_TERM),
        kept,
    )
    return Access(read, sql.SQL("SELECT model_id, version FROM ({}) AS kept").format(hits))


def _ordered(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    rule = FIELDS[found.field.name]
    parts = ranges(sql.SQL(rule.sql), found, rule.kind, translator)
    if parts is None:
        return None
    rows = versions_where(parts)
    return Access(rows, rows, is_exact=found.operator != "LIKE")


def _cut(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    """Return what an index of the beginnings of long texts has, of those that have a value."""
    column = sql.SQL(FIELDS[found.field.name].sql)
    beginning = sql.SQL('"left"({}, {})').format(column, sql.Literal(_CUT))
    shortened = Comparison(
        field=found.field,
        # Two texts may have the same beginning.
        operator=f"{found.operator}=" if found.operator in {"<", ">"} else found.operator,
        values=tuple(Literal(value=str(one.value)[:_CUT], place=one.place) for one in found.values),
        place=found.place,
    )
    if found.operator == "!=":
        return None
    parts = ranges(beginning, shortened, Kind.TEXT, translator)
    if found.operator == "IS NOT NULL" and found.field.name == "approved_by":
        parts = [sql.SQL("true")]
    if parts is None:
        return None
    rows = versions_where([sql.SQL("{} IS NOT NULL AND {}").format(column, part) for part in parts])
    return Access(rows, rows)


def _name(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    if found.operator not in {"LIKE", "ILIKE"}:
        return _ordered(_, found, translator)
    # There are fewer models than versions.
    rows = sql.SQL(
        "SELECT named.model_id, named.version FROM pedigree.search_name s"
        " JOIN pedigree.search_version named USING (model_id) WHERE {}"
    ).format(translator.compared(sql.SQL("s.name"), found, Kind.TEXT))
    return Access(rows, rows)


def _digest(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    parts = ranges(sql.SQL("v.digest"), found, Kind.TEXT, translator)
    if parts is None:
        return None
    rows = union(
        [
            sql.SQL("SELECT model_id, version FROM pedigree.model_version v WHERE {}").format(part)
            for part in parts
        ]
    )
    return Access(rows, rows)


def _run(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    if found.operator not in {"=", "IN"}:
        return None
    given = translator.parameters.add([one.value for one in found.values])
    rows = sql.SQL(
        "SELECT s.model_id, s.version"
        " FROM (SELECT DISTINCT run_id FROM unnest({}::text[]) AS run_id) AS given"
        " JOIN pedigree.search_version s ON s.run_id = given.run_id"
    ).format(given)
    return Access(rows, rows, is_exact=True)


def _flag(_: Leaf, found: Comparison, translator: Translator) -> Access | None:  # noqa: ARG001
    wanted = found.values[0].value if found.values else None
    if wanted is None or wanted != (found.operator == "="):
        return None
    rows = versions_where([sql.SQL(FIELDS[found.field.name].sql)])
    return Access(rows, rows, is_exact=True)


def _unsealed(_: Leaf, found: Comparison, translator: Translator) -> Access | None:  # noqa: ARG001
    wanted = found.values[0].value if found.values else None
    if wanted is None or wanted == (found.operator == "="):
        return None
    rows = versions_where([sql.SQL("s.state <> 'sealed'")])
    return Access(rows, rows, is_exact=True)


def _approval(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    return _exact(rare_values(found, translator, sql.SQL("s.approval_status"), "none"))


def _state(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    return _exact(rare_values(found, translator, sql.SQL("s.state"), "sealed"))


def _exact(rows: sql.Composable | None) -> Access | None:
    return Access(rows, rows, is_exact=True) if rows is not None else None


def _metric(leaf: Leaf, found: Comparison, translator: Translator) -> Access | None:
    if len(found.field.key or "") > LONGEST_TERM or found.operator == "IS NULL":
        return None
    value = sql.SQL("value")
    parts = None if isinstance(leaf, Not) else ranges(value, found, Kind.NUMBER, translator)
    base = sql.SQL("SELECT model_id, version FROM pedigree.search_metric WHERE key = {}").format(
        translator.text(found.field.key)
    )
    read = union([sql.SQL("{} AND {}").format(base, part) for part in parts or [sql.SQL("true")]])
    if not isinstance(leaf, Not):
        return Access(read, read, is_exact=True)
    kept = sql.SQL("{} AND NOT {}").format(base, translator.compared(value, found, Kind.NUMBER))
    return Access(read, kept, is_exact=True)


def _parameter(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    if found.operator not in {"=", "IN"}:
        return None
    contained = sql.SQL(" OR ").join(
        sql.SQL("s.params @> {}").format(translator.json_pair(found.field, one.value))
        for one in found.values
    )
    rows = versions_where([contained])
    # A list of one value contains it, as well.
    return Access(rows, rows, reads_all=True)


def _lineage(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    if found.operator not in {"=", "IN", "IS NOT NULL"}:
        return None
    nodes = other_tables.dependencies(translator, found)
    hits = other_tables.dependents(translator, found)
    return Access(nodes, hits, is_exact=True, reads_versions=True)


def _stale(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    if found.operator == "IS NULL":
        return None
    rule = FIELDS[found.field.name]
    rows = sql.SQL("SELECT model_id, version FROM pedigree.staleness f WHERE {}").format(
        translator.compared(sql.SQL(rule.sql), found, rule.kind)
    )
    return Access(rows, rows, reads_all=True)


def _words(_: Leaf, found: Comparison, translator: Translator) -> Access | None:
    query = translator.words[str(found.values[0].value)]
    rows = other_tables.matching(translator, query)
    return Access(rows, rows, reads_all=True, is_exact=True)


_BY_FIELD: Mapping[str, Callable[[Leaf, Comparison, Translator], Access | None]] = {
    "stage": _ordered,
    "flavor": _ordered,
    "created_at": _ordered,
    "name": _name,
    "git_commit": _cut,
    "approved_by": _cut,
    "run_id": _run,
    "digest": _digest,
    "quarantined": _flag,
    "held": _flag,
    "overridden": _flag,
    "approval_status": _approval,
    "sealed": _unsealed,
    "state": _state,
    "metrics": _metric,
    "params": _parameter,
    "lineage": _lineage,
    "stale": _stale,
    "data_behind": _stale,
    "code_behind": _stale,
    "text": _words,
}
