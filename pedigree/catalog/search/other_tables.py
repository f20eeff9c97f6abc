"""Conditions on what other tables have of a version: its words, its lineage and its staleness.

Each has two forms. For one version it is a subquery by the version's key, which the planner does
not move. In bulk it is a set that an index or one scan finds once, and a look-up in the set for
each version.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from pedigree.catalog.names import name_key
from pedigree.catalog.search.ast import Comparison, Leaf
from pedigree.catalog.search.fields import FIELDS, Kind

if TYPE_CHECKING:
    from pedigree.catalog.search.to_sql import Translator

_KEY: LiteralString = "(s.model_id, s.version)"
# The same result as the query trained_on.
_CERTAIN: LiteralString = (
    "((n.kind = 'missing' AND n.partition IS NULL)"
    " OR pedigree.lineage_certainty(n.certainty, n.kind) > 'unknown')"
)
_CERTAIN_AND: LiteralString = "{} AND pedigree.lineage_certainty(n.certainty, n.kind) > 'unknown'"
_OR_SOMETHING: LiteralString = "({} OR (n.kind = 'missing' AND n.partition IS NULL))"
_DEPENDS: LiteralString = "n.kind <> 'step' AND n.asset = {asset} AND {found}"
# The last one includes the dependencies themselves.
_POSSIBLE: tuple[LiteralString, ...] = (
    "n.kind IN ('step', 'missing') AND n.upstream IS NULL",
    "n.kind IN ('step', 'missing') AND n.upstream <> '{{}}' AND n.upstream @> ARRAY[{asset}]",
    "n.kind <> 'step' AND n.asset = {asset} AND {unclear}",
)
_WORD = re.compile(r"'((?:[^']|'')*)'")
"""A word in the text of a tsquery."""
_PHRASE = re.compile(r"<(-|\d+)>")
_ONLY_NEGATED = re.compile(r"!'(?:[^']|'')*'( & !'(?:[^']|'')*')*")


def model_id(translator: "Translator", name: str) -> sql.Composable:
    """Return the model of a name, as a subquery that is evaluated once."""
    return sql.SQL(
        "(SELECT m.model_id FROM pedigree.registered_model m WHERE m.name_key = {} AND m.name = {})"
    ).format(translator.text(name_key(name)), translator.text(name))


def needs_pointer(leaf: Leaf) -> bool:
    """Return whether only versions that a stage or an alias points to satisfy a leaf."""
    return (
        isinstance(leaf, Comparison)
        and leaf.field.name in {"stage", "alias"}
        and leaf.operator in {"=", "IN"}
        and "none" not in {one.value for one in leaf.values}
    )


def pointed_at(translator: "Translator", model: str, found: Comparison) -> sql.Composable:
    """Return the versions of one model that its stages or aliases of some names point to."""
    names = translator.parameters.add([one.value for one in found.values])
    return sql.SQL(
        "SELECT t.model_id, t.version FROM pedigree.tenure t WHERE t.held_until IS NULL"
        " AND t.pointer = {} AND t.model_id = {} AND t.name = ANY ({}::text[])"
    ).format(sql.Literal(found.field.name), model_id(translator, model), names)


def matches(
    translator: "Translator", found: Comparison, *, negated: bool, in_bulk: bool
) -> sql.Composable:
    """Return whether the text of a version matches words."""
    words = str(found.values[0].value)
    if not in_bulk:
        condition: sql.Composable = sql.SQL(
            "((SELECT x.document @@ {} FROM pedigree.search_text x"
            " WHERE x.model_id = s.model_id AND x.version = s.version) IS TRUE)"
        ).format(translator.query(words))
        return sql.SQL("(NOT {})").format(condition) if negated else condition
    query = translator.words[words]
    if _ONLY_NEGATED.fullmatch(query):
        # Nearly all versions lack a word; those that have it are few.
        query = _with_signs(query, lambda sign: sign.replace("!", "").replace("&", "|"))
        negated = not negated
    return sql.SQL("({} {} ({}))").format(
        sql.SQL(_KEY), sql.SQL("NOT IN" if negated else "IN"), matching(translator, query)
    )


def matching(translator: "Translator", query: str) -> sql.Composable:
    """Return the versions whose text matches a tsquery, month by month, the newest month first."""
    return sql.SQL(
        "SELECT x.model_id, x.version"
        " FROM pedigree.search_month m JOIN pedigree.search_text x ON {}"
    ).format(match_in_month(translator, query))


def match_in_month(translator: "Translator", query: str) -> sql.Composable:
    """Return the condition that the text ``x`` is of the month ``m`` and matches a tsquery."""
    signs = "".join(_WORD.split(query)[::2])
    in_any_order = "!" not in signs and _PHRASE.search(signs)
    searched = _with_signs(query, lambda sign: _PHRASE.sub("&", sign)) if in_any_order else query
    found = sql.SQL(
        "pedigree.words_of_month(x.document, x.created_at)"
        r" @@ replace({}::text, E'\n', m.month::text)::tsquery"
    ).format(translator.parameters.add(_in_month(searched)))
    if not in_any_order:
        return found
    # The index has no places of words. They are compared in the text itself: to make the words of
    # a month from it, as the index would, takes ten times as long.
    return sql.SQL("({} AND x.document @@ {}::tsquery)").format(
        found, translator.parameters.add(query)
    )


def _in_month(query: str) -> str:
    """Return a tsquery's text with a placeholder for the month, a newline, before each word.

    With a negation, the month itself is also required: the words are missing in other months, too.
    """
    placed = _WORD.sub(r"'\n:\1'", query)
    return f"'\n' & ({placed})" if "!" in _WORD.sub("", query) else placed


def _with_signs(query: str, change: Callable[[str], str]) -> str:
    """Return a tsquery's text with what is between its words changed."""
    parts = _WORD.split(query)
    return "".join(f"'{part}'" if index % 2 else change(part) for index, part in enumerate(parts))


def depends(
    translator: "Translator", found: Comparison, *, negated: bool, in_bulk: bool
) -> sql.Composable:
    """Return whether a version certainly or possibly depends on an asset, or certainly does not.

    If it is not known, neither holds.
    """
    if negated == (found.operator in {"!=", "IS NULL"}):
        nodes = dependencies(translator, found)
        return sql.SQL("(s.training_id IN ({}))").format(nodes) if in_bulk else _one_node(nodes)
    recorded = sql.SQL("SELECT n.training_id FROM pedigree.lineage_node n WHERE true")
    possible = [_nodes(translator, each, found) for each in _POSSIBLE]
    if in_bulk:
        # One look-up for each version, in the difference of the two sets.
        return sql.SQL("(s.training_id IN ({} EXCEPT ({})))").format(
            recorded, sql.SQL(" UNION ALL ").join(possible)
        )
    return sql.SQL("({} AND NOT {})").format(
        _one_node(recorded), sql.SQL(" AND NOT ").join(map(_one_node, possible))
    )


def dependencies(translator: "Translator", found: Comparison) -> sql.Composable:
    """Return the trainings that certainly or possibly depend on an asset, one for each node."""
    return _nodes(translator, _DEPENDS, found)


def dependents(translator: "Translator", found: Comparison) -> sql.Composable:
    """Return the versions that certainly or possibly depend on an asset, each once."""
    # A subquery: the planner would expect a join to find one row, and choose its plan for that.
    return sql.SQL(
        "SELECT t.model_id, t.version FROM (SELECT DISTINCT training_id FROM ({}) AS node) AS n"
        " JOIN pedigree.training t USING (training_id) WHERE t.training_id ="
        " (SELECT v.training_id FROM pedigree.search_version v"
        " WHERE v.model_id = t.model_id AND v.version = t.version)"
    ).format(dependencies(translator, found))


def _nodes(translator: "Translator", where: LiteralString, found: Comparison) -> sql.Composable:
    """Return the trainings with a node of the lineage that a condition describes."""
    certain: sql.Composable = sql.SQL(_CERTAIN)
    unclear: sql.Composable = sql.SQL("true")
    if found.values:
        positive = Comparison(
            field=found.field,
            operator="=" if found.operator == "!=" else found.operator,
            values=found.values,
            place=found.place,
        )
        same = translator.compared(sql.SQL("n.partition"), positive, Kind.TEXT)
        certain = sql.SQL(_CERTAIN_AND).format(same)
        unclear = sql.SQL(_OR_SOMETHING).format(same)
    condition = sql.SQL(where).format(
        asset=translator.text(found.field.key), found=certain, unclear=unclear
    )
    return sql.SQL("SELECT n.training_id FROM pedigree.lineage_node n WHERE {}").format(condition)


def _one_node(nodes: sql.Composable) -> sql.Composable:
    return sql.SQL(
        "((SELECT true FROM ({} AND n.training_id = s.training_id LIMIT 1) AS one) IS TRUE)"
    ).format(nodes)


def staleness(
    translator: "Translator", found: Comparison, *, negated: bool, in_bulk: bool
) -> sql.Composable:
    """Return the comparison of a version's staleness, or its opposite; few versions have one.

    Of a version without one neither holds.
    """
    rule = FIELDS[found.field.name]
    column = sql.SQL(rule.sql)
    sign = sql.SQL("NOT " if negated else "")
    if not in_bulk:
        one = sql.SQL(
            "(SELECT {} FROM pedigree.staleness f"
            " WHERE f.model_id = s.model_id AND f.version = s.version)"
        ).format(column)
        return sql.SQL("({}{})").format(sign, translator.compared(one, found, rule.kind))
    known = sql.SQL(
        "SELECT f.model_id, f.version FROM pedigree.staleness f WHERE {} IS NOT NULL"
    ).format(column)
    if found.operator == "IS NULL":
        return sql.SQL("({} NOT IN ({}))").format(sql.SQL(_KEY), known)
    return sql.SQL("({} IN ({} AND {}{}))").format(
        sql.SQL(_KEY), known, sign, translator.compared(column, found, rule.kind)
    )
