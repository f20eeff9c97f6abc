"""The tables of a registry that a folder has, as rows of JSON.

What is not here is derived (search, statistics, counts), belongs to one deployment (uploads,
leases, deliveries, webhooks, sessions, kept answers) or shows who signed (checkpoints, keys).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from psycopg import sql

from pedigree.postgres.transaction import Transaction

ROWS_AT_ONCE = 500

# In the order in which foreign keys allow to insert them.
PORTABLE = (
    *("access_role", "access_group", "access_group_member", "provisioned_group", "principal"),
    *("identity", "provisioned_user", "pseudonym", "access_token", "access_grant"),
    *("dagster_instance", "environment", "artifact", "artifact_file", "registered_model"),
    *("policy_default", "former_name"),
    *("model_version", "version_source", "training", "awaited", "lineage_node", "lineage_edge"),
    "asset_event",
    *("tenure", "verdict", "decision", "stage_override", "stage_request", "candidacy"),
    *("given_up_promotion", "unjudged", "quarantine", "quarantine_mark", "data_verdict"),
    *("datasheet", "data_profile", "drift_result", "evaluation", "model_card", "usage"),
    *("staleness", "pending_work", "transfer_mark", "event", "feed", "unsequenced"),
)
"""The tables of a folder."""

# A new registry has rows in it, of which the folder has the newer form.
_REPLACED = ("access_role",)


def rows_of(transaction: Transaction, table: str) -> Iterator[str]:
    """Yield the rows of a table as JSON, in the order of its key; call it in a snapshot."""
    query = sql.SQL("SELECT to_json(r)::text AS row FROM {} AS r ORDER BY {}").format(
        sql.Identifier("pedigree", table), _key_of(transaction, table)
    )
    with transaction.cursor(name="rows") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        for row in cursor.execute(query):
            yield row["row"]


def insert_rows(transaction: Transaction, table: str, rows: Iterable[str]) -> int:
    """Insert rows as JSON as they are, with their ids; return how many."""
    name = sql.Identifier("pedigree", table)
    if table in _REPLACED:
        transaction.execute(sql.SQL("DELETE FROM {}").format(name))
    insert = sql.SQL(
        "INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT row.*"
        " FROM unnest(%(rows)s::text[]) WITH ORDINALITY AS given (line, place),"
        " json_populate_record(NULL::{name}, line::json) AS row ORDER BY place"
    ).format(name=name)
    left, count = iter(rows), 0
    while batch := list(islice(left, ROWS_AT_ONCE)):
        transaction.execute(insert, {"rows": batch})
        count += len(batch)
    _renew_sequences(transaction, table)
    return count


def is_empty(transaction: Transaction) -> bool:
    """Return whether a registry has nothing that a folder would replace."""
    return not any(
        transaction.execute(
            sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier("pedigree", table))
        ).fetchone()
        is not None
        for table in ("blob", *PORTABLE)
        if table not in _REPLACED
    )


def _key_of(transaction: Transaction, table: str) -> sql.Composable:
    """Return the columns of a table's primary key; all columns if it has none."""
    columns = _names(
        transaction.execute(
            "SELECT a.attname FROM pg_index i"
            " CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS key (number, place)"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.number"
            " WHERE i.indrelid = %(table)s::regclass AND i.indisprimary ORDER BY key.place",
            {"table": f"pedigree.{table}"},
        ).fetchall()
    )
    if not columns:
        return sql.SQL("to_json(r)::text")
    return sql.SQL(", ").join(sql.Identifier("r", each) for each in columns)


def _renew_sequences(transaction: Transaction, table: str) -> None:
    """Let the identity columns of a table go on after the highest value."""
    name = f"pedigree.{table}"
    columns = _names(
        transaction.execute(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = %(table)s::regclass AND attidentity <> '' AND NOT attisdropped",
            {"table": name},
        ).fetchall()
    )
    for column in columns:
        transaction.execute(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence(%(table)s, %(column)s), max({column}))"
                " FROM {table} HAVING max({column}) IS NOT NULL"
            ).format(column=sql.Identifier(column), table=sql.Identifier("pedigree", table)),
            {"table": name, "column": column},
        )


def _names(rows: Sequence[dict[str, object]]) -> list[str]:
    return [str(row["attname"]) for row in rows]
