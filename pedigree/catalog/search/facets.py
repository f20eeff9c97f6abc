"""The number of versions that a filter finds, and the most frequent values among them."""

from collections.abc import Collection
from typing import LiteralString

from psycopg import sql

from pedigree.catalog.search import selectivity
from pedigree.catalog.search.execution import ANY, ask
from pedigree.catalog.search.records import Facet, FacetValue
from pedigree.catalog.search.statements import Search
from pedigree.catalog.search.to_sql import Parameters, Translator, fields_of, joins
from pedigree.errors import InvalidInputError
from pedigree.postgres.transaction import Transaction

FACETS: dict[Facet, LiteralString] = {
    "stage": "SELECT stage AS value FROM found",
    "flavor": "SELECT flavor FROM found",
    "owner": "SELECT one.owner FROM found"
    " CROSS JOIN LATERAL (SELECT DISTINCT owner FROM unnest(found.owners) AS owner) AS one",
    "tag": "SELECT tag.key || '=' || tag.value FROM found"
    " CROSS JOIN LATERAL jsonb_each_text(found.tags) AS tag",
}
_VALUES = 20
"""The number of values of a facet that are returned, most frequent first."""


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


def count(transaction: Transaction, search: Search) -> int:
    """Return the number of versions that the filter finds."""
    translator = Translator(Parameters(), search.words)
    found = _found(transaction, search, translator, sql.SQL("1"))
    statement = sql.SQL("SELECT count(*) AS total FROM ({}) AS found").format(found)
    (row,) = ask(transaction, statement, translator.parameters, ANY)
    return int(row["total"])


def count_facets(
    transaction: Transaction, search: Search, names: Collection[Facet]
) -> dict[Facet, tuple[FacetValue, ...]]:
    """Return the most frequent values of each facet."""
    translator = Translator(Parameters(), search.words)
    columns = sql.SQL("s.stage, s.flavor, s.owners, s.tags")
    each = sql.SQL(" UNION ALL ").join(
        sql.SQL(
            "(SELECT {}::text AS facet, value, count(*) AS count FROM ({}) AS each (value)"
            " GROUP BY value ORDER BY count(*) DESC, value LIMIT {})"
        ).format(translator.parameters.add(name), sql.SQL(FACETS[name]), sql.Literal(_VALUES))
        for name in names
    )
    statement = sql.SQL("WITH found AS MATERIALIZED ({}) {}").format(
        _found(transaction, search, translator, columns), each
    )
    rows = ask(transaction, statement, translator.parameters, ANY)
    return {
        name: tuple(
            FacetValue(value=row["value"], count=row["count"])
            for row in rows
            if row["facet"] == name
        )
        for name in names
    }


def _found(
    transaction: Transaction, search: Search, translator: Translator, columns: sql.SQL
) -> sql.Composable:
    part, _ = selectivity.fewest(transaction, search.parts, search.words)
    source: sql.Composable = sql.SQL("pedigree.search_version s")
    if part is not None:
        source = sql.SQL("({}) AS hits JOIN {} USING (model_id, version)").format(
            selectivity.driving(part, translator), source
        )
    return sql.SQL("SELECT {} FROM {}{} WHERE {}").format(
        columns, source, joins(fields_of(search.expression)), translator.all_of(search.parts)
    )
