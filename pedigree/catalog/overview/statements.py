"""Statements of the list of models: they have only the conditions that were asked for.

So a list without any reads as many rows as it shows, and counts nothing but groups.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import LiteralString, NamedTuple, Self

from psycopg import sql

from pedigree.catalog.overview.records import Attention, ModelFacet, ModelFilter, ModelOrder

_SHOWN = sql.SQL(
    "m.name, m.description, m.owners, m.team, m.created_at, m.versions, m.stages, m.champion,"
    " m.champion_since, m.latest, m.latest_stage, m.latest_at, m.metric, m.value, m.trend,"
    " m.risk_class, m.requests, m.asking, m.request_id, m.asking_since, m.stale, m.stale_seen_at,"
    " m.drifted, m.drift_at, m.quarantined, m.attention, m.name_key"
)
_VISIBLE = sql.SQL("m.name IN (SELECT unnest(%(visible)s::text[]))")
_WORDS = sql.SQL(
    "m.words LIKE ALL (ARRAY("
    r"SELECT '%%' || regexp_replace(pedigree.folded(word), '([\\%%_])', '\\\1', 'g') || '%%'"
    " FROM unnest(%(words)s::text[]) AS word))"
)
# True or false, also where a model has no value.
_FITS = MappingProxyType(
    {
        ModelFacet.STAGE: sql.SQL("%(stage)s = ANY (m.stages)"),
        ModelFacet.TEAM: sql.SQL("m.team IS NOT DISTINCT FROM %(team)s"),
        ModelFacet.OWNER: sql.SQL("%(owner)s = ANY (m.owners)"),
        ModelFacet.RISK_CLASS: sql.SQL("m.risk_class IS NOT DISTINCT FROM %(risk_class)s"),
    }
)
_NEEDS_ATTENTION = sql.SQL("{} = ANY (m.attention)")
# Numbers in ascending order; models without one are last. Each is that of an index, word by word.
_PLACES: Mapping[ModelOrder, sql.SQL] = MappingProxyType(
    {
        ModelOrder.NEWEST: sql.SQL(
            "(-date_part('epoch', coalesce(m.latest_at, m.created_at) AT TIME ZONE 'UTC'))"
        ),
        ModelOrder.METRIC: sql.SQL("(-coalesce(m.value, '-Infinity'::double precision))"),
        ModelOrder.WAITING: sql.SQL(
            "coalesce(date_part('epoch', m.asking_since AT TIME ZONE 'UTC'),"
            " 'Infinity'::double precision)"
        ),
    }
)
_BY_NAME = sql.SQL(
    "SELECT {shown}, 0::double precision AS place FROM pedigree.search_model m WHERE {conditions}"
    " ORDER BY m.name_key LIMIT %(limit)s"
)
_BY_PLACE = sql.SQL(
    "SELECT * FROM (SELECT {shown}, {place} AS place FROM pedigree.search_model m"
    " WHERE {conditions}) AS fit WHERE {after}"
    " ORDER BY fit.place, fit.name_key LIMIT %(limit)s"
)
# A value counts the models that fit all choices but that of its own facet. Hence a model that fits
# all choices but one counts for the facet that it missed.
_COUNTS = sql.SQL(
    "WITH fitting AS ("
    " SELECT m.stages, m.team, m.owners, m.risk_class, m.attention, {missed} AS missed"
    " FROM pedigree.search_model m WHERE {conditions}"
    "), grouped AS MATERIALIZED ("
    " SELECT missed, stages, team, owners, risk_class, attention, count(*) AS number,"
    " CASE grouping(stages, team, owners, risk_class, attention) WHEN 15 THEN 'stage'"
    " WHEN 23 THEN 'team' WHEN 27 THEN 'owner' WHEN 29 THEN 'risk_class'"
    " WHEN 30 THEN 'attention' END AS facet"
    " FROM fitting GROUP BY GROUPING SETS ((missed), (missed, stages), (missed, team),"
    " (missed, owners), (missed, risk_class), (missed, attention))"
    "), valued AS ("
    " SELECT facet, number, unnest(CASE facet"
    " WHEN 'stage' THEN stages WHEN 'owner' THEN owners WHEN 'attention' THEN attention"
    " WHEN 'team' THEN ARRAY[team] ELSE ARRAY[risk_class] END) AS value"
    " FROM grouped WHERE facet = coalesce(missed, facet)"
    "), ranked AS ("
    " SELECT facet, value, sum(number) AS number, count(*) OVER (PARTITION BY facet) AS different,"
    " row_number() OVER (PARTITION BY facet ORDER BY sum(number) DESC, value) AS place"
    " FROM valued WHERE value IS NOT NULL GROUP BY facet, value"
    ") SELECT facet, value, least(number, %(counted)s)::integer AS number, different,"
    " NULL AS snapshot, NULL::bigint AS models FROM ranked"
    " WHERE place <= CASE facet WHEN %(unfolded)s THEN %(many)s::integer ELSE %(few)s END"
    " OR value = CASE facet WHEN 'stage' THEN %(stage)s::text WHEN 'team' THEN %(team)s"
    " WHEN 'owner' THEN %(owner)s WHEN 'risk_class' THEN %(risk_class)s ELSE %(attention)s END"
    " UNION ALL SELECT NULL, NULL, least(coalesce(sum(number), 0), %(counted)s)::integer, 0,"
    " pg_current_snapshot()::text, (SELECT count(*) FROM pedigree.search_model)"
    " FROM grouped WHERE facet IS NULL AND missed IS NULL"
    " ORDER BY facet, number DESC, value"
)


def page_statement(
    filter: ModelFilter, order: ModelOrder, *, is_limited: bool, is_first: bool
) -> LiteralString:
    """Return the statement that reads a page of models.

    Args:
        filter: What the models have in common.
        order: Their order.
        is_limited: Whether there are models that the caller may not read.
        is_first: Whether it is the first page.
    """
    return _page_statement(_Conditions.of(filter, is_limited=is_limited), order, is_first)


def counts_statement(filter: ModelFilter, *, is_limited: bool) -> LiteralString:
    """Return the statement that counts the models of each facet's values, and those that fit."""
    return _counts_statement(_Conditions.of(filter, is_limited=is_limited))


class _Conditions(NamedTuple):
    """Which conditions a list has."""

    is_limited: bool
    has_words: bool
    chosen: tuple[ModelFacet, ...]

    attention: Attention | None

    @classmethod
    def of(cls, filter: ModelFilter, *, is_limited: bool) -> Self:
        chosen = tuple(facet for facet in ModelFacet if filter.chosen(facet) is not None)
        return cls(is_limited, bool(filter.words.split()), chosen, filter.attention)

    @property
    def common(self) -> list[sql.SQL]:
        return ([_VISIBLE] if self.is_limited else []) + ([_WORDS] if self.has_words else [])

    @property
    def choices(self) -> dict[ModelFacet, sql.Composable]:
        return {facet: self._fits(facet) for facet in self.chosen}

    def _fits(self, facet: ModelFacet) -> sql.Composable:
        if facet is not ModelFacet.ATTENTION or self.attention is None:
            return _FITS[facet]
        # As a literal: it has an index of its own.
        return _NEEDS_ATTENTION.format(sql.Literal(self.attention.value))


# As texts and once each: the driver takes longer to compose one than Postgres to run it.
@cache
def _page_statement(asked: _Conditions, order: ModelOrder, is_first: bool) -> LiteralString:
    conditions = [*asked.common, *asked.choices.values()]
    place = _PLACES.get(order)
    if place is None:
        after: list[sql.Composable] = (
            [] if is_first else [sql.SQL('m.name_key > %(after_key)s COLLATE "C"')]
        )
        return _text(_BY_NAME.format(shown=_SHOWN, conditions=_all(conditions + after)))
    after = [] if is_first else [sql.SQL("(fit.place, fit.name_key) > (%(after)s, %(after_key)s)")]
    return _text(
        _BY_PLACE.format(shown=_SHOWN, place=place, conditions=_all(conditions), after=_all(after))
    )


@cache
def _counts_statement(asked: _Conditions) -> LiteralString:
    conditions, choices = asked.common, asked.choices
    if not choices:
        return _text(_COUNTS.format(missed=sql.SQL("NULL::text"), conditions=_all(conditions)))
    cases = [
        sql.SQL("WHEN NOT ({}) THEN {}").format(fits, sql.Literal(facet.value))
        for facet, fits in choices.items()
    ]
    missed = sql.SQL("CASE {} END").format(sql.SQL(" ").join(cases))
    kept = sql.SQL("{} >= {}").format(
        sql.SQL(" + ").join(sql.SQL("({})::integer").format(each) for each in choices.values()),
        sql.Literal(len(choices) - 1),
    )
    return _text(_COUNTS.format(missed=missed, conditions=_all([*conditions, kept])))


def _text(composed: sql.Composed) -> LiteralString:
    # Composed of literals of this module alone.
    return composed.as_string()


def _all(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")
