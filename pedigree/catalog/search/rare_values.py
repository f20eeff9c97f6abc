"""Values that few versions have, which partial indexes list."""

from collections.abc import Sequence

from psycopg import sql

from pedigree.catalog.search.ast import Comparison
from pedigree.catalog.search.fields import Kind
from pedigree.catalog.search.ranges import union
from pedigree.catalog.search.to_sql import Translator


def versions_where(conditions: Sequence[sql.Composable]) -> sql.Composable:
    """Return the versions that satisfy one of some disjoint conditions."""
    return union(
        [
            sql.SQL("SELECT model_id, version FROM pedigree.search_version s WHERE {}").format(one)
            for one in conditions
        ]
    )


def rare_values(
    found: Comparison, translator: Translator, column: sql.Composable, usual: str
) -> sql.Composable | None:
    """Return the versions with certain values of a column; None if the index lacks some of them.

    Args:
        found: The comparison.
        translator: Translates for this statement.
        column: The column.
        usual: The value that most versions have, and the index leaves out.
    """
    is_usual = usual in {one.value for one in found.values}
    if found.operator not in {"=", "IN", "!="} or is_usual != (found.operator == "!="):
        return None
    compared = translator.compared(column, found, Kind.TEXT)
    return versions_where([sql.SQL("{} <> {} AND {}").format(column, sql.Literal(usual), compared)])
