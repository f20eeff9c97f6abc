"""The best hits of MATCH: the newest 2,000 are ranked, best first.

Ranking needs each hit's text, and a common pair of words has tens of thousands of hits in a million
versions. The index of words has no order, but it has each word with its month: the months are
queried one by one, until there are enough hits.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from psycopg import sql

from pedigree.catalog.search import other_tables
from pedigree.catalog.search.ast import And, Comparison, Expression, comparisons
from pedigree.catalog.search.execution import NESTED, Execution
from pedigree.catalog.search.fields import FIELDS, Kind
from pedigree.catalog.search.normal_form import normalized
from pedigree.catalog.search.ordering import NEWEST, Position
from pedigree.catalog.search.plans import FoundRows, among_hits, find
from pedigree.catalog.search.selectivity import driver
from pedigree.catalog.search.statements import Search, translator_of
from pedigree.catalog.search.to_sql import Translator
from pedigree.postgres.transaction import Row

RANKED = 2_000
"""The number of newest hits that are ranked."""
_CLOCKS_APART = timedelta(days=1)
"""The database's clock may be ahead of the clock of this process."""
_BEYOND = 2**62
_LISTED = 20_000
"""If the other parts find at most this many versions, their texts are compared one by one."""


def matches(expression: Expression | None) -> tuple[Comparison, ...]:
    """Return the MATCH comparisons that rank a hit: those that are not under a NOT."""
    return tuple(
        found
        for found in comparisons(expression, negated=False)
        if FIELDS[found.field.name].kind is Kind.WORDS
    )


def best(execution: Execution, search: Search) -> FoundRows:
    """Return the best hits after the previous page, best first.

    The sort values of a row are its rank, its time, and the upper time limit of the search, so that
    all pages of one search rank the same hits while versions are added.
    """
    found = next((part for part in search.parts if part in matches(search.expression)), None)
    others = [part for part in search.parts if part is not found]
    translator = translator_of(search)
    newest = _newest(execution, search, others) if found is None or others else None
    if newest is not None:
        hits, plan = _listed(search, translator, newest.rows), f"ranked {newest.plan}"
    else:
        assert isinstance(found, Comparison)
        hits, plan = _by_month(search, translator, found, others), "words by month"
    return FoundRows(_best_of(execution, search, translator, hits), plan)


def _newest(execution: Execution, search: Search, others: Sequence[Expression]) -> FoundRows | None:
    """Return the newest hits, if another part than the words leads to fewer versions.

    Args:
        execution: Executes the statements.
        search: The search.
        others: The parts besides the words; all if no part is only words.
    """
    start = Position(values=(_until(search).isoformat(),), model_id=_BEYOND, version=0)
    newest = replace(search, order=(NEWEST,), limit=RANKED, after=start)
    if len(others) == len(search.parts):
        return find(execution, newest)
    driving = driver(execution, replace(search, expression=normalized(And(tuple(others)))))
    if driving is None or driving.read > _LISTED:
        return None
    return FoundRows(among_hits(execution, newest, driving), "hits")


def _listed(search: Search, translator: Translator, rows: Sequence[Row]) -> sql.Composable:
    return sql.SQL(
        "SELECT x.model_id, x.version, x.created_at, {} AS rank"
        " FROM unnest({}::bigint[], {}::integer[]) AS hit (model_id, version)"
        " JOIN pedigree.search_text x USING (model_id, version)"
    ).format(
        _rank(search, translator),
        translator.parameters.add([row["model_id"] for row in rows]),
        translator.parameters.add([row["version"] for row in rows]),
    )


def _by_month(
    search: Search, translator: Translator, found: Comparison, others: Sequence[Expression]
) -> sql.Composable:
    """Return the newest hits of words; no further month is read once there are enough."""
    joined = sql.SQL(
        " JOIN pedigree.search_version s ON s.model_id = x.model_id AND s.version = x.version"
    )
    return sql.SQL(
        "SELECT hit.* FROM pedigree.search_month m CROSS JOIN LATERAL ("
        "SELECT x.model_id, x.version, x.created_at, {rank} AS rank"
        " FROM pedigree.search_text x{joined}"
        " WHERE {match} AND x.created_at <= {until} AND {others}"
        " ORDER BY x.created_at DESC, x.model_id DESC, x.version DESC"
        ") AS hit LIMIT {ranked}"
    ).format(
        rank=_rank(search, translator),
        joined=joined if others else sql.SQL(""),
        match=other_tables.match_in_month(translator, translator.words[str(found.values[0].value)]),
        until=translator.parameters.add(_until(search)),
        others=translator.all_of(others),
        ranked=sql.Literal(RANKED),
    )


def _rank(search: Search, translator: Translator) -> sql.Composable:
    wanted = [translator.query(str(one.values[0].value)) for one in matches(search.expression)]
    return sql.SQL("ts_rank(x.document, {})::double precision").format(sql.SQL(" || ").join(wanted))


def _until(search: Search) -> datetime:
    if search.after is not None:
        return datetime.fromisoformat(str(search.after.values[2]))
    return datetime.now(UTC) + _CLOCKS_APART


def _best_of(
    execution: Execution, search: Search, translator: Translator, hits: sql.Composable
) -> list[Row]:
    statement = sql.SQL(
        "SELECT model_id, version, rank AS k0, created_at AS k1, {until}::text AS k2"
        " FROM ({hits}) AS hit WHERE {after}"
        " ORDER BY rank DESC, created_at DESC, model_id DESC, version DESC LIMIT {limit}"
    ).format(
        until=translator.parameters.add(_until(search).isoformat()),
        hits=hits,
        after=_after(search.after, translator),
        limit=translator.parameters.add(search.limit),
    )
    return execution.ask(statement, translator.parameters, NESTED)


def _after(position: Position | None, translator: Translator) -> sql.Composable:
    if position is None:
        return sql.SQL("true")
    rank, at, *_ = position.values
    values = (rank, datetime.fromisoformat(str(at)), position.model_id, position.version)
    return sql.SQL(
        "(rank, created_at, model_id, version) < ({}::double precision, {}, {}, {})"
    ).format(*map(translator.parameters.add, values))
