"""The rows of one registration as plain statements for ``pgbench``, on one locked model.

It inserts what a registration of a known model wrote, found by its transaction, without triggers
and without any work of a client: what Postgres alone can do.
"""

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from pedigree.postgres import EmbeddedPostgres
from pedigree.postgres._binaries import find_binaries

_TABLES = """SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) AS columns,
    array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'pedigree'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
    AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
GROUP BY c.relname ORDER BY c.relname"""
_WRITER = """SELECT v.xmin::text, v.model_id FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id) WHERE m.name = %s AND v.version = %s"""
_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Each has nine digits, so 7 of them and a zero have the length of a sha256.
_SET = "".join(f"\\set h{number} random(100000000, 999999999)\n" for number in range(9))
_NINE = ("h0", "h1", "h2", "h3", "h4", "h5", "h6")
_COUNTED = "tps = "


class _Table(NamedTuple):
    """A table, and the columns that an insertion gives."""

    name: str
    columns: list[str]
    types: list[str]


def script(url: str, model: str, version: int) -> str:
    """Return a ``pgbench`` script that inserts the rows of a version again, with other digests."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_WRITER, [model, version]).fetchone()
        assert row is not None
        writer, model_id = row
        tables = [_Table(*row) for row in connection.execute(_TABLES).fetchall()]
        inserts = [
            _insert(table, values, version)
            for table in tables
            if table.name not in ("registered_model", "unsequenced")
            for values in _written(connection, table, writer)
        ]
    locked = (
        "UPDATE pedigree.registered_model SET next_version = next_version + 1 WHERE model_id ="
        f" {model_id} RETURNING next_version - 1 AS taken \\gset\n"
    )
    uuids: dict[str, str] = {}
    lines = "".join(f"{_varied(each, uuids)}\n" for each in inserts)
    return f"{_SET}BEGIN;\nSET LOCAL session_replication_role = replica;\n{locked}{lines}COMMIT;\n"


def rate(server: EmbeddedPostgres, database: str, text: str, folder: Path, clients: int) -> float:
    """Run the script by several clients for ten seconds, and return the transactions per second."""
    path = folder / "same-rows.sql"
    path.write_text(text)
    url = server.url(database)
    program = find_binaries().program("pgbench")
    words = ["--no-vacuum", "--client", str(clients), "--jobs", "2", "--time", "10"]
    done = subprocess.run(
        [program, *words, "--file", str(path), url], capture_output=True, text=True, check=False
    )
    counted = [line for line in done.stdout.splitlines() if line.startswith(_COUNTED)]
    if done.returncode or not counted:
        raise SystemExit(f"pgbench failed: {done.stderr[-2000:]}")
    return float(counted[0].removeprefix(_COUNTED).split()[0])


def _written(connection: psycopg.Connection[Any], table: _Table, writer: str) -> list[list[str]]:
    """Return the rows of a table that a transaction wrote, as literals."""
    texts = sql.SQL(", ").join(
        sql.SQL("quote_nullable({}::text)").format(sql.Identifier(each)) for each in table.columns
    )
    query = sql.SQL("SELECT ARRAY[{}] FROM pedigree.{} WHERE xmin::text = %s")
    rows = connection.execute(query.format(texts, sql.Identifier(table.name)), [writer]).fetchall()
    return [row[0] for row in rows]


def _insert(table: _Table, values: list[str], version: int) -> str:
    """Return an insertion of one row, and of the event's place if it is an event."""
    shown = [
        ":taken" if name == "version" and value == f"'{version}'" else f"{value}::{kind}"
        for name, kind, value in zip(table.columns, table.types, values, strict=True)
    ]
    names = ", ".join(f'"{each}"' for each in table.columns)
    into = f"INSERT INTO pedigree.{table.name} ({names}) VALUES ({', '.join(shown)})"
    if table.name == "event":
        return (
            f"WITH written AS ({into} RETURNING id)"
            " INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;"
        )
    return f"{into} ON CONFLICT DO NOTHING;"


def _varied(line: str, uuids: dict[str, str]) -> str:
    """Return a statement on one line whose digests and UUIDs differ in each transaction.

    pgbench replaces a variable wherever its name follows a colon, also in literals.
    """
    digest = "0" + "".join(f":{name}" for name in _NINE)
    line = _HEX.sub(digest, line.replace("\n", " "))

    def other(found: re.Match[str]) -> str:
        known = uuids.setdefault(found[0], f"{len(uuids):03d}")
        return f"00000000-0000-4000-8{known}-000:h7"

    return _UUID.sub(other, line)
