"""Copy of a registry's rows into another database, as in a manual move."""

from graphlib import TopologicalSorter
from typing import Any

import psycopg
from psycopg import Connection, sql

# Triggers fill the search tables and counts, and each database has its own table of migrations.
_TABLES = """
SELECT c.oid::regclass::text AS name, array_agg(a.attname ORDER BY a.attnum) AS columns
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = ''
WHERE c.relnamespace = 'pedigree'::regnamespace AND c.relkind = 'r'
    AND c.relname NOT IN ('migration', 'statistic') AND c.relname NOT LIKE 'search\\_%'
GROUP BY c.oid
"""
# What the migrations put in; each by its name with and without the schema.
_FILLED = {
    each for name in ("registry_identity", "access_role") for each in (name, f"pedigree.{name}")
}
_REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'pedigree'::regnamespace AND conrelid <> confrelid
"""
_COUNTERS = """
SELECT a.attrelid::regclass::text, a.attname,
    pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'pedigree'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
    AND pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) IS NOT NULL
"""


def copy_rows(source_url: str, target_url: str) -> None:
    """COPY the rows of the tables and columns that the target has."""
    with psycopg.connect(source_url) as source, psycopg.connect(target_url) as target:
        columns = dict(target.execute(_TABLES).fetchall())
        graph: dict[str, set[str]] = {name: set() for name in columns}
        for child, parent in target.execute(_REFERENCES):
            graph[child].add(parent)
        # The copy is the same registry, so it keeps the identity by which the store knows it.
        for name in columns.keys() & _FILLED:  # an earlier schema has none
            target.execute(sql.SQL("DELETE FROM {}").format(sql.SQL(name)))
        for name in TopologicalSorter(graph).static_order():
            _copy(source, target, name, columns[name])
        for name, column, sequence in target.execute(_COUNTERS).fetchall():
            target.execute(
                sql.SQL("SELECT setval({}, max({})) FROM {}").format(
                    sequence, sql.Identifier(column), sql.SQL(name)
                )
            )


def copy_names(source_url: str, target_url: str) -> None:
    """Copy the names of people into a database that was upgraded from before it had them.

    The rows that it was filled with are those of today's code, and have pseudonyms.
    """
    with psycopg.connect(source_url) as source, psycopg.connect(target_url) as target:
        target.execute("DELETE FROM pedigree.pseudonym")
        _copy(source, target, "pedigree.pseudonym", ["pseudonym", "name"])


def _copy(source: Connection[Any], target: Connection[Any], name: str, columns: list[str]) -> None:
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    out = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(listed, sql.SQL(name))
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.SQL(name), listed)
    with (
        source.cursor().copy(out) as read,
        target.cursor().copy(into) as write,
    ):
        for block in read:
            write.write(block)
