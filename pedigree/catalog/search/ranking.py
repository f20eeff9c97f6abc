"""The best hits of MATCH: the newest 2,000 are ranked, and the best of these come first.

Ranking needs each hit's text; of a common pair of words a million versions have tens of thousands.
The index of words knows no order, but each text also has its month and day as words: they narrow a
query to the newest hits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from psycopg import sql

from pedigree.catalog.search import drivers
from pedigree.catalog.search.expressions import Comparison, Expression, comparisons
from pedigree.catalog.search.fields import FIELDS, Kind
from pedigree.catalog.search.finding import find
from pedigree.catalog.search.ordering import NEWEST, Position
from pedigree.catalog.search.selecting import Search, page
from pedigree.catalog.search.translation import Parameters, Translator, fields_of, joins
from pedigree.catalog.search.words import SQL
from pedigree.postgres.transaction import Row, Transaction

RANKED = 2_000
"""So many hits are ranked, the newest."""
_FIRST_STRETCH = 6_000
"""The newest so many versions are searched first, and tell how often the words come."""
_ROOM = 1.15
_MOST_LONGER = 64.0
_MOST_DAYS = 20 * 366
_DAY_BY_DAY = 10
"""A longer stretch begins with a month: each further word is asked for every hit of the others."""
_CLOCKS_APART = timedelta(days=1)
"""The database's clock may be ahead of ours."""
_BEYOND = 2**62


def matches(expression: Expression | None) -> tuple[Comparison, ...]:
    """Return the MATCHes that a hit can be ranked by: those that are not under a NOT."""
    return tuple(
        found
        for found in comparisons(expression, negated=False)
        if FIELDS[found.field.name].kind is Kind.WORDS
    )


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """The time that is searched: whole days up to a moment; all time where it has no begin."""

    since: date | None
    until: datetime


class _Known(NamedTuple):
    """The days of the oldest and of the newest version."""

    oldest: date
    newest: date


def best(transaction: Transaction, search: Search) -> list[Row]:
    """Return the best hits behind the page before, the best first.

    The sort values of a row are its rank, its time, and the stretch that was searched, so that the
    pages of one search rank the same hits while versions are added.
    """
    found = next((part for part in search.parts if part in matches(search.expression)), None)
    others = [part for part in search.parts if part is not found]
    few = bool(others) and drivers.fewest(transaction, others, search.words)[1] <= drivers.FEW
    if found is None or few:
        return _among_newest(transaction, search)
    return _in_stretches(transaction, search, found, others)


def _among_newest(transaction: Transaction, search: Search) -> list[Row]:
    until = _until(search)
    start = Position(values=(until.isoformat(),), model_id=_BEYOND, version=0)
    newest = replace(search, order=(NEWEST,), limit=RANKED, after=start, with_records=False)
    found = find(transaction, newest)
    translator = Translator(Parameters(), search.words)
    source = sql.SQL(
        "unnest({}::bigint[], {}::integer[]) AS hit (model_id, version)"
        " JOIN pedigree.search_text x USING (model_id, version)"
    ).format(
        translator.parameters.add([row["model_id"] for row in found]),
        translator.parameters.add([row["version"] for row in found]),
    )
    stretch = _Stretch(since=None, until=until)
    return _ranked(transaction, search, translator, source, stretch)


def _in_stretches(
    transaction: Transaction, search: Search, found: Comparison, others: Sequence[Expression]
) -> list[Row]:
    """Search the newest days, and more of them until there are enough hits to rank."""
    stretch, known = _first_stretch(transaction, search)
    while True:
        translator = Translator(Parameters(), search.words)
        source = _texts(translator, found, others, stretch)
        rows = _ranked(transaction, search, translator, source, stretch)
        hits = rows[0]["hits"] if rows else 0
        if hits >= RANKED or stretch.since is None or search.after is not None:
            return rows
        stretch = _longer(stretch, hits, known)


def _first_stretch(transaction: Transaction, search: Search) -> tuple[_Stretch, _Known]:
    """Return the stretch to begin with, and the days between which there are versions."""
    until = _until(search)
    if search.after is not None:
        since = search.after.values[3]
        stretch = _Stretch(since=date.fromisoformat(str(since)) if since else None, until=until)
        return stretch, _Known(date.min, until.date())
    row = transaction.execute(
        SQL["newest_stretch"], {"until": until, "versions": _FIRST_STRETCH}
    ).fetchone()
    if row is None or row["since"] is None:
        return _Stretch(since=None, until=until), _Known(date.min, until.date())
    known = _Known(*(row[name].astimezone(UTC).date() for name in ("oldest", "newest")))
    return _Stretch(since=_begin(row["since"].astimezone(UTC).date(), known), until=until), known


def _begin(since: date, known: _Known) -> date:
    long = (known.newest - since).days > _DAY_BY_DAY
    return since.replace(day=1) if long else since


def _until(search: Search) -> datetime:
    if search.after is not None:
        return datetime.fromisoformat(str(search.after.values[2]))
    return datetime.now(UTC) + _CLOCKS_APART


def _longer(stretch: _Stretch, hits: int, known: _Known) -> _Stretch:
    since = stretch.since or known.oldest
    days = (known.newest - since).days + 1
    factor = min(_MOST_LONGER, max(2.0, _ROOM * RANKED / max(hits, 1)))
    longer = int(days * factor)
    if longer > min(_MOST_DAYS, (known.newest - known.oldest).days):
        return replace(stretch, since=None)
    return replace(stretch, since=_begin(known.newest - timedelta(days=longer), known))


def _texts(
    translator: Translator,
    found: Comparison,
    others: Sequence[Expression],
    stretch: _Stretch,
) -> sql.Composable:
    """Return the texts of a stretch that match, and all else that the filter asks of them."""
    query = translator.query(str(found.values[0].value))
    if stretch.since is not None:
        days = translator.parameters.add(_days(stretch.since, stretch.until.astimezone(UTC).date()))
        query = sql.SQL("({} && {}::tsquery)").format(query, days)
    fields = [field for part in others for field in fields_of(part)]
    joined = sql.SQL(
        " JOIN pedigree.search_version s ON s.model_id = x.model_id AND s.version = x.version{}"
    ).format(joins(fields))
    return sql.SQL(
        "pedigree.search_text x{} WHERE x.document @@ {} AND x.created_at <= {} AND {}"
    ).format(
        joined if others else sql.SQL(""),
        query,
        translator.parameters.add(stretch.until),
        translator.all_of(others),
    )


def _days(first: date, last: date) -> str:
    """Return a tsquery for the days of a stretch: whole months as such, the others one by one.

    The last month counts as whole: nothing in it is newer than what is searched.
    """
    words: set[str] = set()
    day = first
    while day <= last:
        if day.day == 1:
            words.add(f"'@{day:%Y-%m}'")
            day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        else:
            words.add(f"'@{day:%Y-%m-%d}'")
            day += timedelta(days=1)
    return " | ".join(sorted(words))


def _ranked(
    transaction: Transaction,
    search: Search,
    translator: Translator,
    source: sql.Composable,
    stretch: _Stretch,
) -> list[Row]:
    # Ranked as they are found: to carry their texts through a sort takes longer.
    statement = sql.SQL(
        "WITH hits AS MATERIALIZED ("
        "SELECT x.model_id, x.version, x.created_at,"
        " ts_rank(x.document, {query})::double precision AS rank FROM {source}"
        "), newest AS MATERIALIZED ("
        "SELECT * FROM hits ORDER BY created_at DESC, model_id DESC, version DESC LIMIT {ranked}"
        ") SELECT model_id, version, (SELECT count(*) FROM hits) AS hits,"
        " rank AS k0, created_at AS k1, {until}::text AS k2, {since}::text AS k3"
        " FROM newest WHERE {after}"
        " ORDER BY rank DESC, created_at DESC, model_id DESC, version DESC LIMIT {limit}"
    ).format(
        source=source,
        ranked=sql.Literal(RANKED),
        query=sql.SQL(" || ").join(
            translator.query(str(one.values[0].value)) for one in matches(search.expression)
        ),
        until=translator.parameters.add(stretch.until.isoformat()),
        since=translator.parameters.add(stretch.since and stretch.since.isoformat()),
        after=_after(search.after, translator),
        limit=translator.parameters.add(search.limit),
    )
    return page(transaction, search, statement, translator)


def _after(position: Position | None, translator: Translator) -> sql.Composable:
    if position is None:
        return sql.SQL("true")
    rank, at, *_ = position.values
    values = (rank, datetime.fromisoformat(str(at)), position.model_id, position.version)
    return sql.SQL(
        "(rank, created_at, model_id, version) < ({}::double precision, {}, {}, {})"
    ).format(*map(translator.parameters.add, values))
