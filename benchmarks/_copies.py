"""Copies of all models of a registry with their events, for checks that read many events.

A copy has other names, numbers and identifiers; the leaf hashes of its events are right, so `fsck`
finds nothing. It shares its bytes with the original.
"""

from collections.abc import Mapping
from typing import LiteralString

from psycopg import Cursor, sql

from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

_NEW_ID: LiteralString = "t.model_id + g.n * %(models)s"
_NEW_NAME: LiteralString = "t.name || '-' || g.n"
# The tables of a model that registering fills, and what a copy's row has instead of the original's.
_TABLES: Mapping[LiteralString, Mapping[str, LiteralString]] = {
    "registered_model": {
        "model_id": _NEW_ID,
        "name": _NEW_NAME,
        "name_key": _NEW_NAME,
        "log_name": _NEW_NAME,
    },
    "model_version": {"model_id": _NEW_ID},
    "training": {
        "model_id": _NEW_ID,
        "training_id": "md5(t.training_id::text || g.n)::uuid",
    },
    "tenure": {"model_id": _NEW_ID},
    "verdict": {"model_id": _NEW_ID},
}
# Copies are numbered as the originals; rows of other tables have no order.
_ORDER = {"tenure": "tenure_id", "verdict": "verdict_id"}
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    AND (attidentity = '' OR attname = 'model_id')
ORDER BY attnum
"""
_COPY = """
INSERT INTO pedigree.{table} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {values}
FROM generate_series(1, %(copies)s) AS g (n)
CROSS JOIN pedigree.{table} t
ORDER BY g.n, t.{order}
"""
_EVENTS = r"""
WITH copied AS MATERIALIZED (
    SELECT e.id, g.n, e.type, e.version, e.at, e.model || '-' || g.n AS model,
        md5(e.event_id::text || g.n)::uuid AS event_id,
        replace(replace(replace(text, e.event_id::text, md5(e.event_id::text || g.n)::uuid::text),
            ',"model":' || to_json(e.model), ',"model":' || to_json(e.model || '-' || g.n)),
            coalesce(training, ' '), coalesce(md5(training || g.n)::uuid::text, ' ')) AS text
    FROM generate_series(1, %(copies)s) AS g (n)
    CROSS JOIN (
        SELECT *, text::json #>> '{body,training_id}' AS training
        FROM (SELECT *, convert_from(canonical, 'UTF8') AS text FROM pedigree.event) AS read
    ) AS e
), written AS (
    INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
    SELECT event_id, type, model, version, convert_to(text, 'UTF8'),
        sha256('\x00'::bytea || convert_to(text, 'UTF8')), at
    FROM copied ORDER BY n, id
    RETURNING id
)
INSERT INTO pedigree.feed (seq, id)
SELECT (SELECT max(seq) FROM pedigree.feed) + row_number() OVER (ORDER BY id), id FROM written
"""


def copy_models(database: Database, copies: int) -> None:
    """Add copies of all models. Search and the kept counts of bytes do not know them.

    Args:
        database: A registry whose events all have their place in the feed.
        copies: How many copies of each model.
    """

    def copy(transaction: Transaction) -> None:
        transaction.execute("SET LOCAL session_replication_role = replica")
        models = transaction.execute("SELECT max(model_id) FROM pedigree.registered_model")
        values = {"copies": copies, "models": next(models)["max"]}
        for table, other in _TABLES.items():
            transaction.execute(_copy_of(transaction, table, other), values)
        transaction.execute(_EVENTS, values)
        transaction.execute("UPDATE pedigree.event_count SET count = count * (%s + 1)", (copies,))

    database.transaction(copy)
    with database._open().connection() as connection:
        connection.autocommit = True
        Cursor(connection).execute("VACUUM (ANALYZE)")  # outside of any transaction


def _copy_of(
    transaction: Transaction, table: LiteralString, other: Mapping[str, LiteralString]
) -> sql.Composed:
    names = [row["attname"] for row in transaction.execute(_COLUMNS, (f"pedigree.{table}",))]
    values = [
        sql.SQL(other[name]) if name in other else sql.Identifier("t", name) for name in names
    ]
    return sql.SQL(_COPY).format(
        table=sql.Identifier(table),
        order=sql.Identifier(_ORDER.get(table, "model_id")),
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(values),
    )
