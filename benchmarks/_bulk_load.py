"""Copy many rows into the schema; drop indexes and foreign keys before, and recreate them after.

Their definitions come from the catalog, so the schema is the same as after the migrations. The
foreign keys are validated, so copied rows are as consistent as inserted ones.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple, Self

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

_CORES = 2
_SESSION = (
    b"SET session_replication_role = replica",  # disables all triggers, also of foreign keys
    b"SET maintenance_work_mem = '1GB'",
    b"SET work_mem = '64MB'",
    b"SET max_parallel_maintenance_workers = 0",  # there are as many sessions as cores
)
_CONSTRAINTS = """
SELECT format('%%I.%%I', 'pedigree', t.relname), quote_ident(conname), pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid
WHERE t.relnamespace = 'pedigree'::regnamespace AND t.relname <> 'migration'
    AND contype = ANY (%s::"char"[])
ORDER BY 1, 2
"""
_INDEXES = """
SELECT format('%I.%I', 'pedigree', t.relname), format('%I.%I', 'pedigree', i.relname),
    pg_get_indexdef(indexrelid)
FROM pg_index
JOIN pg_class t ON t.oid = indrelid
JOIN pg_class i ON i.oid = indexrelid
WHERE t.relnamespace = 'pedigree'::regnamespace AND t.relname <> 'migration'
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
ORDER BY 1
"""
_TABLES = """
SELECT format('%I.%I', 'pedigree', t.relname) FROM pg_class t
WHERE t.relnamespace = 'pedigree'::regnamespace AND t.relkind = 'r'
ORDER BY pg_table_size(t.oid) DESC
"""


def connect(url: str) -> Connection[TupleRow]:
    """Return a connection for loading."""
    connection = psycopg.connect(url, autocommit=True)
    for setting in _SESSION:
        connection.execute(setting)
    return connection


class Copying:
    """One transaction that empties tables and then fills them.

    So the rows are frozen from the start: no later vacuum has to visit them
    for freezing.
    """

    def __init__(self, url: str, columns: Mapping[str, str]) -> None:
        self._connection = connect(url)
        self._columns = columns
        self._emptied: set[str] = set()

    def __enter__(self) -> Self:
        self._connection.execute(b"BEGIN")
        return self

    def copy(self, lines: Mapping[str, Sequence[str]]) -> None:
        """Copy lines into their tables; an empty list copies nothing."""
        for table, rows in lines.items():
            self._empty(table)
            if rows:
                columns = self._columns[table]
                statement = f"COPY pedigree.{table} ({columns}) FROM STDIN WITH (FREEZE)"
                with self._connection.cursor().copy(statement.encode()) as copy:
                    copy.write("\n".join(rows) + "\n")

    def count_on(self, table: str, column: str) -> None:
        """Set the table's sequence to continue after the copied numbers."""
        self._connection.execute(
            f"SELECT setval(pg_get_serial_sequence('pedigree.{table}', '{column}'), max({column}))"
            f" FROM pedigree.{table}".encode()
        )

    def _empty(self, table: str) -> None:
        if table not in self._emptied:
            self._connection.execute(f"TRUNCATE pedigree.{table}".encode())
            self._emptied.add(table)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._connection.execute(b"COMMIT")
        self._connection.close()


class Derived(NamedTuple):
    """A table that is derived from the copied ones, and the statements that fill it."""

    table: str
    fill: str
    depends_on: str | None = None
    """A derived table, listed before this one, that it is filled from."""


def load(url: str, copy_all: Callable[[], None], derived: Sequence[Derived] = ()) -> None:
    """Run ``copy_all`` on a schema without indexes and foreign keys, then recreate them.

    Args:
        url: The database.
        copy_all: Copies the rows, with its own connections.
        derived: Tables that are filled in parallel after the indexes of the copied ones exist.
    """
    foreign, keys = _read(url, _CONSTRAINTS, ["f"]), _read(url, _CONSTRAINTS, ["p", "u"])
    indexes = _read(url, _INDEXES)
    for table, name, _ in foreign + keys:
        _run(url, [f"ALTER TABLE {table} DROP CONSTRAINT {name}"])
    _run(url, [f"DROP INDEX {name}" for _, name, _ in indexes])
    copy_all()
    made: dict[str, list[str]] = {table: [] for (table,) in _read(url, _TABLES)}
    for table, name, text in keys:
        made[table].append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}")
    for table, _, text in indexes:
        made[table].append(text)
    # What autovacuum would do in the hours after; the copied tables need no vacuum.
    # Without statistics the planner expects dozens of rows, and chooses nested loops.
    chains = {
        one: [one.fill, *made.pop(one.table), f"VACUUM (ANALYZE) {one.table}"] for one in derived
    }
    _run(url, [statement for statements in made.values() for statement in statements])
    _run(url, [f"ANALYZE {table}" for table in made])
    _derive(url, chains)
    add = [f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}" for table, name, text in foreign]
    for statement in add:  # each locks two tables, so two at once could deadlock
        _run(url, [f"{statement} NOT VALID"])
    _run(url, [f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}" for table, name, _ in foreign])


def _read(url: str, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    with connect(url) as connection:
        return connection.execute(query.encode(), arguments or None).fetchall()


def _run(url: str, statements: Sequence[str]) -> None:
    with ThreadPoolExecutor(_CORES) as pool:
        list(pool.map(lambda statement: _run_each(url, [statement]), statements))


def _derive(url: str, chains: Mapping[Derived, Sequence[str]]) -> None:
    filled: dict[str, Future[None]] = {}

    def fill(one: Derived, statements: Sequence[str]) -> None:
        if one.depends_on:
            filled[
                one.depends_on
            ].result()  # it was submitted before, so this cannot wait for a free thread
        _run_each(url, statements)

    with ThreadPoolExecutor(_CORES) as pool:
        for one, statements in chains.items():
            filled[one.table] = pool.submit(fill, one, statements)
        for done in filled.values():
            done.result()


def _run_each(url: str, statements: Sequence[str]) -> None:
    with connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())
