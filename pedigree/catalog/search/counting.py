"""The number of versions that a filter finds, and the most frequent values among them.

Both are exact where that takes less than a second. Otherwise they are estimates from a sample of
the versions, and the page says so.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import LiteralString, NamedTuple

from psycopg import sql

from pedigree.catalog.search.access import access
from pedigree.catalog.search.ast import Comparison, Expression, Not
from pedigree.catalog.search.execution import ANY, Execution, SearchPlan, TimeIsUpError
from pedigree.catalog.search.plans import VERSIONS, source_of
from pedigree.catalog.search.records import Facet, FacetValue
from pedigree.catalog.search.selectivity import Driver, driver, listed, size_of_search
from pedigree.catalog.search.statements import Search, translator_of
from pedigree.catalog.search.to_sql import Translator
from pedigree.errors import InvalidInputError
from pedigree.postgres.transaction import Row

FACETS: dict[Facet, LiteralString] = {
    "stage": "SELECT stage AS value FROM found",
    "flavor": "SELECT flavor FROM found",
    "owner": "SELECT one.owner FROM found"
    " CROSS JOIN LATERAL (SELECT DISTINCT owner FROM unnest(found.owners) AS owner) AS one",
    "tag": "SELECT tag.key || '=' || tag.value FROM found"
    " CROSS JOIN LATERAL jsonb_each_text(found.tags) AS tag",
}
_OF_FACETS = "s.stage, s.flavor, s.owners, s.tags"
VALUES = 20
"""The number of values of a facet that are returned, most frequent first."""
MOST_COUNTED = 30_000
"""The facets of more versions are estimated: to count those of as many takes half a second."""
_SAMPLE = 10_000
"""The versions of a sample that the facets are estimated from, about."""
_MOST_SAMPLED = 0.3
"""The largest share of the versions that a sample reads."""
_EXACT_S = 0.8
"""An exact count that takes longer gives way to an estimate."""
_SCAN = SearchPlan(nested=True, scanned=True, replan=True)


class Total(NamedTuple):
    """A number of versions."""

    versions: int
    is_estimate: bool


class FacetCounts(NamedTuple):
    """The most frequent values of each facet."""

    values: dict[Facet, tuple[FacetValue, ...]]
    is_estimate: bool


def check_facets(names: Collection[str]) -> None:
    """Make sure that these are names of facets.

    Raises:
        InvalidInputError: One is not a facet.
    """
    if unknown := sorted(set(names) - set(FACETS)):
        raise InvalidInputError(
            "is not a facet",
            field="facets",
            value=unknown[0],
            remedy=f"Choose one of {', '.join(FACETS)}",
        )


class Counting:
    """Counts what one search finds.

    Args:
        execution: Executes the statements.
        search: The search, without the place of a page.
        everything: All versions that it finds, if they are known because one page has them.
    """

    def __init__(
        self, execution: Execution, search: Search, everything: Sequence[Row] | None = None
    ) -> None:
        self._execution = execution
        self._search = search
        self._everything = everything

    @cached_property
    def total(self) -> Total:
        """The number of versions that the filter finds."""
        if self._everything is not None:
            return Total(len(self._everything), is_estimate=False)
        translator = self._translator()
        try:
            found = self._exact(translator)
            if found is None:
                found = self._found(translator, "1", *self._source(translator))
            statement = sql.SQL("SELECT count(*) AS total FROM ({}) AS found").format(found)
            (row,) = self._execution.ask(statement, translator.parameters, ANY, within=_EXACT_S)
        except TimeIsUpError:
            return Total(self._estimated_total, is_estimate=True)
        return Total(row["total"], is_estimate=False)

    def facets(self, names: Collection[Facet]) -> FacetCounts:
        """Return the most frequent values of each facet."""
        if self._are_few:
            translator = self._translator()
            try:
                source, left = self._source(translator)
                values, hits = self._values(names, source, left, translator, within=_EXACT_S)
            except TimeIsUpError:
                pass
            else:
                self.total = Total(hits, is_estimate=False)
                return FacetCounts(values, is_estimate=False)
        return FacetCounts(self._estimated_facets(names, self.total), is_estimate=True)

    @property
    def _are_few(self) -> bool:
        """Whether the facets of all hits can be counted in the time of a count."""
        if self._everything is not None or self._driver is not None:
            return True
        total = self.__dict__.get("total")  # if it is known
        if total is not None and not total.is_estimate:
            return bool(total.versions <= MOST_COUNTED)
        return self._estimated_total <= MOST_COUNTED

    def _source(self, translator: Translator) -> tuple[sql.Composable, Sequence[Expression]]:
        """Return versions that include all hits, and what must still hold for a version of them."""
        parts = self._search.parts
        if self._everything is None:
            left = self._driver.unchecked(parts, translator) if self._driver else parts
            return source_of(self._driver, translator), left
        known = sql.SQL("({}) AS hits JOIN {} USING (model_id, version)").format(
            listed(self._everything, translator), VERSIONS
        )
        return known, parts

    @cached_property
    def _driver(self) -> Driver | None:
        found = driver(self._execution, self._search)
        return found if found is not None and found.beats_scan else None

    def _translator(self) -> Translator:
        in_bulk = self._everything is None and self._driver is None
        return translator_of(self._search, in_bulk=in_bulk)

    @cached_property
    def _versions(self) -> int:
        return max(1, size_of_search(self._execution))

    def _exact(self, translator: Translator) -> sql.Composable | None:
        """Return the hits that an index has of the whole filter, if those are all."""
        parts = self._search.parts
        if len(parts) != 1 or not isinstance(parts[0], Comparison | Not):
            return None
        found = access(parts[0], translator)
        if found is None or not found.is_exact or (found.reads_versions and not self._driver):
            return None
        return found.hits

    def _found(
        self,
        translator: Translator,
        columns: LiteralString,
        source: sql.Composable,
        parts: Sequence[Expression],
    ) -> sql.Composable:
        return sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(columns), source, translator.all_of(parts)
        )

    def _values(
        self,
        names: Collection[Facet],
        source: sql.Composable,
        parts: Sequence[Expression],
        translator: Translator,
        *,
        within: float | None = None,
    ) -> tuple[dict[Facet, tuple[FacetValue, ...]], int]:
        """Return the values of facets among the hits of a source, and the number of those."""
        each = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "(SELECT {}::text AS facet, value, count(*) AS count FROM ({}) AS each (value)"
                " GROUP BY value ORDER BY count(*) DESC, {} LIMIT {})"
            ).format(
                translator.parameters.add(name),
                sql.SQL(FACETS[name]),
                sql.SQL("pedigree.shown_name(value)" if name == "owner" else "value"),
                sql.Literal(VALUES),
            )
            for name in names
        )
        statement = sql.SQL(
            "WITH found AS MATERIALIZED ({}) {} UNION ALL SELECT NULL, NULL, count(*) FROM found"
        ).format(self._found(translator, _OF_FACETS, source, parts), each)
        *rows, every = self._execution.ask(statement, translator.parameters, ANY, within=within)
        return {name: _values_of(rows, name) for name in names}, int(every["count"])

    @cached_property
    def _estimated_total(self) -> int:
        """Return the share of a sample that the filter finds, times all versions."""
        translator = translator_of(self._search)
        statement = sql.SQL(
            "SELECT count(*) FILTER (WHERE {}) AS hits, count(*) AS versions FROM {}"
        ).format(translator.all_of(self._search.parts), _sample(_SAMPLE / self._versions))
        (row,) = self._execution.ask(statement, translator.parameters, _SCAN)
        share = int(row["hits"]) / max(1, int(row["versions"]))
        return round(share * self._versions)

    def _estimated_facets(
        self, names: Collection[Facet], total: Total
    ) -> dict[Facet, tuple[FacetValue, ...]]:
        share = _SAMPLE / max(1, self._versions if total.is_estimate else total.versions)
        translator = translator_of(self._search, in_bulk=not total.is_estimate)
        values, hits = self._values(names, _sample(share), self._search.parts, translator)
        scale = total.versions / max(1, hits)
        return {
            name: tuple(
                FacetValue(value=one.value, count=round(one.count * scale)) for one in found
            )
            for name, found in values.items()
        }


def _sample(share: float) -> sql.Composable:
    """Return a share of the versions, ``s``, the same in each search as long as none is added."""
    return sql.SQL("{} TABLESAMPLE SYSTEM ({}) REPEATABLE (0)").format(
        VERSIONS, sql.Literal(100 * min(_MOST_SAMPLED, share))
    )


def _values_of(rows: Collection[Row], name: Facet) -> tuple[FacetValue, ...]:
    return tuple(
        FacetValue(value=row["value"], count=row["count"]) for row in rows if row["facet"] == name
    )
