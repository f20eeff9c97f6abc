"""Changes of the tables and of the events that no verb makes: one at a time, each reversible."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import rfc8785
from hypothesis import strategies as st

from pedigree.audit.event_types import EventType
from pedigree.audit.verifier.hashes import leaf_hash
from pedigree.postgres.transaction import Transaction

STATE = (
    *("registered_model", "model_version", "training", "verdict", "tenure", "model_card"),
    *("decision", "stage_request", "given_up_promotion", "evaluation", "quarantine_mark"),
)
APPEND_ONLY = ("event", "decision")

places = st.integers(min_value=0, max_value=50)
changes = st.one_of(
    st.tuples(st.just("column"), st.sampled_from(STATE), places, places, st.booleans()),
    st.tuples(st.sampled_from(["delete", "last"]), st.sampled_from([*STATE, "event"]), places),
    st.tuples(st.just("add"), st.sampled_from([*STATE, "event"]), places),
    st.tuples(st.just("forge"), places, places, st.sampled_from(["other", "null", "less", "type"])),
    st.tuples(st.just("row of an event"), places, st.sampled_from(["type", "version", "model"])),
    st.tuples(st.just("bytes"), places, st.sampled_from([b"{", b"\xff", b"[]", b"{}"])),
)
"""A change: what is done, where, and by which of the rows and columns."""
Change = tuple[Any, ...]

_OTHER = {
    "text": "{0} || 'x'",
    "int4": "{0} + 1",
    "int8": "{0} + 1",
    "bool": "NOT {0}",
    "timestamptz": "{0} + interval '1 second'",
    "uuid": "gen_random_uuid()",
    "jsonb": """CASE jsonb_typeof({0}) WHEN 'object' THEN {0} || '{{"x": 1}}' ELSE '{{}}' END""",
    "_text": "{0} || 'x'::text",
    "certainty": "NULL",
}


@contextmanager
def tampered(transaction: Transaction, change: Change) -> Iterator[bool]:
    """Make a change in an open transaction, and undo it; yields whether the schema allows it."""
    with transaction.transaction(force_rollback=True):
        # Foreign keys and triggers of search are not in force; those of the audit log always are.
        transaction.execute("SET LOCAL session_replication_role = replica")
        for table in APPEND_ONLY:
            transaction.execute(f"ALTER TABLE pedigree.{table} DISABLE TRIGGER USER".encode())
        try:
            with transaction.transaction():
                is_made = _make(transaction, change)
        except (psycopg.IntegrityError, psycopg.DataError):
            is_made = False
        yield is_made


def _make(transaction: Transaction, change: Change) -> bool:
    match change:
        case ("column", table, row, column, is_null):
            return _change_column(transaction, table, row, column, is_null)
        case ("add", table, row):
            return _add(transaction, table, row)
        case ("bytes", row, content):
            return _write_event(transaction, row, lambda _: content)
        case ("forge", row, place, how):
            return _write_event(transaction, row, lambda given: _forged(given, place, how))
        case _:
            return _make_at_row(transaction, change)


def _make_at_row(transaction: Transaction, change: Change) -> bool:
    match change:
        case ("delete", table, row):
            return _at_row(transaction, "DELETE FROM {table} WHERE ctid = {row}", table, row)
        case ("last", table, row):
            key = "id" if table == "event" else _identity(transaction, table)
            text = "UPDATE {table} SET {key} = DEFAULT WHERE ctid = {row}"
            return key is not None and _at_row(transaction, text, table, row, key=key)
        case ("row of an event", row, column):
            other = {"type": "'version.downloaded'", "version": "version + 1", "model": "'other'"}
            text = "UPDATE {table} SET {key} = " + other[column] + " WHERE ctid = {row}"
            return _at_row(transaction, text, "event", row, key=column)
    raise AssertionError(change)


def _change_column(
    transaction: Transaction, table: str, row: int, column: int, is_null: bool
) -> bool:
    columns = _columns(transaction, table)
    name, kind = columns[column % len(columns)]
    other = "NULL" if is_null else _OTHER[kind].format(f'"{name}"')
    text = "UPDATE {table} SET {key} = " + other + " WHERE ctid = {row}"
    return _at_row(transaction, text, table, row, key=name)


def _add(transaction: Transaction, table: str, row: int) -> bool:
    """Repeat a row, with another identity."""
    names = [name for name, _ in _columns(transaction, table)]
    other = {"training_id": "gen_random_uuid()", "revision": "revision + 1", "restated": "9"}
    if table == "event":
        other["event_id"] = "gen_random_uuid()"
    chosen = ", ".join(other.get(name, f'"{name}"') for name in names)
    into = ", ".join(f'"{name}"' for name in names)
    text = (
        "INSERT INTO {table} (" + into + ") SELECT " + chosen + " FROM {table} WHERE ctid = {row}"
    )
    return _at_row(transaction, text, table, row)


def _write_event(transaction: Transaction, row: int, edit: Any) -> bool:
    found = transaction.execute(
        "SELECT id, canonical FROM pedigree.event WHERE model IS NOT NULL ORDER BY id"
    ).fetchall()
    chosen = found[row % len(found)]
    content = edit(bytes(chosen["canonical"]))
    transaction.execute(
        "UPDATE pedigree.event SET canonical = %s, leaf = %s WHERE id = %s",
        (content, leaf_hash(content), chosen["id"]),
    )
    return True


def _forged(given: bytes, place: int, how: str) -> bytes:
    """Change one value of an event: of its body, its actor or its own fields."""
    content = json.loads(given)
    values = [(each, key) for each in (content["body"], content["actor"], content) for key in each]
    owner, key = values[place % len(values)]
    value = owner[key]
    if how == "less":
        del owner[key]
    elif how == "null":
        owner[key] = None
    elif how == "type":
        owner[key] = [value] if isinstance(value, str) else json.dumps(value)
    elif key == "type":
        owner[key] = EventType.VERSION_DOWNLOADED.value
    elif isinstance(value, bool) or value is None:
        owner[key] = not value
    elif isinstance(value, int | float):
        owner[key] = value + 1
    elif isinstance(value, str):
        owner[key] = value + "x"
    else:
        owner[key] = [*value, 1] if isinstance(value, list) else {**value, "x": 1}
    return rfc8785.dumps(content)


def _at_row(
    transaction: Transaction, text: str, table: str, row: int, *, key: str = "model_id"
) -> bool:
    """Run a statement for one row; return whether the table has any."""
    found = transaction.execute(f"SELECT ctid FROM pedigree.{table} ORDER BY ctid".encode())
    places = [each["ctid"] for each in found]
    if not places:
        return False
    words = {
        "table": f"pedigree.{table}",
        "key": f'"{key}"',
        "row": f"'{places[row % len(places)]}'",
    }
    for name, word in words.items():
        text = text.replace("{" + name + "}", word)
    return transaction.execute(text.encode()).rowcount == 1


def _columns(transaction: Transaction, table: str) -> list[tuple[str, str]]:
    rows = transaction.execute(
        "SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attidentity = '' AND attgenerated = '' ORDER BY attnum",
        (f"pedigree.{table}",),
    )
    return [(row["attname"], row["typname"]) for row in rows]


def _identity(transaction: Transaction, table: str) -> str | None:
    rows = transaction.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''",
        (f"pedigree.{table}",),
    ).fetchall()
    return rows[0]["attname"] if rows else None
