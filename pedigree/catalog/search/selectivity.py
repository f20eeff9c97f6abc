"""The part of a filter that drives the search: one that an index answers by itself.

Postgres cannot know that a tag is rare or that two tags never occur together. It then scans a
million versions to find the hundred newest of twenty. So this module chooses, after a short count.
"""

from collections.abc import Callable, Mapping, Sequence

from psycopg import sql

from pedigree.catalog.search.ast import Comparison, Expression
from pedigree.catalog.search.execution import ask
from pedigree.catalog.search.fields import Kind
from pedigree.catalog.search.to_sql import Parameters, Translator, joins
from pedigree.postgres.transaction import Transaction

FEW = 3_000
"""The number of versions that can be read one by one within a few milliseconds."""
_COLUMNS = frozenset({"stage", "flavor"})
"""Words that are columns of the version, each with an index in time order."""
_INDEXED = 256
"""Longer values are not indexed."""


def posting(part: Expression, translator: Translator) -> sql.Composable | None:
    """Return the versions of one word in time order, if the part has that form."""
    if not isinstance(part, Comparison) or part.operator != "=":
        return None
    value = translator.parameters.add
    if part.field.name in _COLUMNS:
        return sql.SQL(
            "SELECT created_at, model_id, version FROM pedigree.search_version WHERE {} = {}::text"
        ).format(sql.Identifier(part.field.name), value(part.values[0].value))
    text = str(part.values[0].value)
    if part.field.name not in {"tags", "owner", "alias", "created_by"}:
        return None
    if len(str(part.field)) > _INDEXED or len(text) > _INDEXED:
        return None
    return sql.SQL(
        "SELECT created_at, model_id, version FROM pedigree.search_term"
        " WHERE field = {}::text AND value = {}::text"
    ).format(value(str(part.field)), value(text))


def are_columns(parts: Sequence[Expression]) -> bool:
    """Return whether the words of each :func:`posting` are columns of the versions themselves."""
    return all(isinstance(part, Comparison) and part.field.name in _COLUMNS for part in parts)


def names_few(part: Expression) -> bool:
    """Return whether a part has few hits for any value."""
    return (
        isinstance(part, Comparison)
        and part.operator == "="
        and part.field.name in {"git_commit", "run_id", "digest", "name"}
    )


def hits(part: Expression, translator: Translator) -> sql.Composable | None:
    """Return the versions of a part as ``model_id, version``, if an index has them."""
    if (found := posting(part, translator)) is not None:
        return sql.SQL("SELECT model_id, version FROM ({}) AS posting").format(found)
    if not isinstance(part, Comparison):
        return None
    operators, find = _LEADING.get(part.field.name, ((), _of_version))
    return find(part, translator) if part.operator in operators else None


def costly_hits(part: Expression, translator: Translator) -> sql.Composable | None:
    """Return the same as :func:`hits`, for the indexes that read all hits before the first."""
    if not isinstance(part, Comparison):
        return None
    first = part.values[0].value if part.values else ""
    match part.field.name, part.operator:
        case "text", "MATCH":
            return sql.SQL(
                "SELECT x.model_id, x.version"
                " FROM pedigree.search_month m JOIN pedigree.search_text x ON {}"
            ).format(translator.match_in_month(str(first)))
        case "params", "=":
            return sql.SQL(
                "SELECT s.model_id, s.version FROM pedigree.search_version s WHERE s.params @> {}"
            ).format(translator.json_pair(part.field, first))
        case "lineage", "=" | "IN" | "IS NOT NULL":
            return _of_lineage(part, translator)
    return None


def fewest(
    transaction: Transaction, parts: Sequence[Expression], words: dict[str, str]
) -> tuple[Expression | None, int]:
    """Return the part with the fewest hits and their number; more than FEW are not few."""
    best = _count(transaction, parts, words, hits)
    if best[1] > FEW:
        best = min(best, _count(transaction, parts, words, costly_hits), key=lambda one: one[1])
    return best


def driving(part: Expression, translator: Translator) -> sql.Composable:
    """Return the hits of the part that :func:`fewest` returned."""
    found = hits(part, translator)
    return found if found is not None else costly_hits(part, translator)  # type: ignore[return-value]


def _count(
    transaction: Transaction,
    parts: Sequence[Expression],
    words: dict[str, str],
    find: Callable[[Expression, Translator], sql.Composable | None],
) -> tuple[Expression | None, int]:
    parameters = Parameters()
    translator = Translator(parameters, words)
    counted: list[tuple[Expression, sql.Composable]] = []
    for part in parts:
        rows = find(part, translator)
        if rows is not None:
            counted.append((part, rows))
    if not counted:
        return None, FEW + 1
    counts = sql.SQL(", ").join(
        sql.SQL("(SELECT count(*) FROM ({} LIMIT {}) AS counted) AS {}").format(
            rows, sql.Literal(FEW + 1), sql.Identifier(f"n{index}")
        )
        for index, (_, rows) in enumerate(counted)
    )
    (row,) = ask(transaction, sql.SQL("SELECT {}").format(counts), parameters)
    index = min(range(len(counted)), key=lambda one: row[f"n{one}"])
    return counted[index][0], row[f"n{index}"]


def _of_version(part: Comparison, translator: Translator) -> sql.Composable:
    return sql.SQL("SELECT s.model_id, s.version FROM pedigree.search_version s{} WHERE {}").format(
        joins([part.field]), translator.condition(part)
    )


def _of_name(part: Comparison, translator: Translator) -> sql.Composable:
    return sql.SQL(
        "SELECT named.model_id, named.version FROM pedigree.registered_model s"
        " JOIN pedigree.search_version named USING (model_id) WHERE {}"
    ).format(translator.condition(part))


def _of_metric(part: Comparison, translator: Translator) -> sql.Composable | None:
    if len(part.field.key or "") > _INDEXED:
        return None
    values = [translator.value(Kind.NUMBER, one.value) for one in part.values]
    return sql.SQL(
        "SELECT model_id, version FROM pedigree.search_metric WHERE key = {}::text AND {}"
    ).format(
        translator.parameters.add(part.field.key),
        translator.compared(sql.SQL("value"), part.operator, values),
    )


def _of_lineage(part: Comparison, translator: Translator) -> sql.Composable:
    values = [translator.value(Kind.TEXT, one.value) for one in part.values]
    compared = (
        translator.compared(sql.SQL("n.partition"), part.operator, values)
        if values
        else sql.SQL("true")
    )
    return sql.SQL(
        "SELECT DISTINCT t.model_id, t.version FROM pedigree.lineage_node n"
        " JOIN pedigree.training t USING (training_id)"
        " WHERE n.kind <> 'step' AND n.asset = {}::text AND {}"
    ).format(translator.parameters.add(part.field.key), compared)


_RANGE = ("=", "<", "<=", ">", ">=", "BETWEEN", "IN")
_LEADING: Mapping[
    str, tuple[tuple[str, ...], Callable[[Comparison, Translator], sql.Composable | None]]
] = {
    "git_commit": (("=",), _of_version),
    "run_id": (("=",), _of_version),
    "digest": (("=",), _of_version),
    "created_at": (_RANGE, _of_version),
    "stale": (("=",), _of_version),
    "data_behind": (_RANGE, _of_version),
    "code_behind": (_RANGE, _of_version),
    "name": (("=", "LIKE", "ILIKE", "IN"), _of_name),
    "metrics": (_RANGE, _of_metric),
}
