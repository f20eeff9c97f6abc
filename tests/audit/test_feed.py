"""The feed loses, hides and reorders nothing."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, NewEvent
from pedigree.audit.verifier.hashes import leaf_hash
from pedigree.postgres.database import Database

WRITERS = 12
LEAD = "SELECT pg_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0))"
AWAITED = """
SELECT FROM pg_locks
WHERE locktype = 'advisory' AND NOT granted AND database = (
    SELECT oid FROM pg_database WHERE datname = current_database()
)
"""
EVENTS_EACH = 120
ACTOR = Actor(name="tester", source="test")


class RolledBackError(Exception):
    """Makes a writer's transaction roll back."""


def write_all(url: str, writer: int, committed: list[tuple[str, int]]) -> None:
    """Write events on an own model and on a shared one; every tenth rolls back."""
    with Database.connect(url) as database:
        for number in range(EVENTS_EACH):
            model = "shared" if number % 2 else f"model-{writer}"

            def work(transaction: psycopg.Connection, model: str = model, n: int = number) -> None:
                transaction.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [model]
                )
                log.record(
                    transaction,
                    EventType.MODEL_UPDATED,
                    {"writer": writer, "number": n},
                    model=model,
                    at=datetime.now(UTC),
                    actor=ACTOR,
                )
                if n % 10 == 9:
                    raise RolledBackError

            try:
                database.transaction(work)
            except RolledBackError:
                continue
            committed.append((model, writer * 1000 + number))


@contextmanager
def open_transaction_in_another_database(url: str) -> Iterator[None]:
    """Hold a transaction with an xid open elsewhere in the server, as a long report would."""
    name = f"other_{time.monotonic_ns()}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with psycopg.connect(url, dbname=name) as other:
                other.execute("SELECT pg_current_xact_id()")
                yield
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_twelve_writers_with_rollbacks_and_a_foreign_transaction_lose_hide_and_reorder_nothing(
    database: Database, database_url: str
) -> None:
    committed: list[list[tuple[str, int]]] = [[] for _ in range(WRITERS)]
    threads = [
        threading.Thread(target=write_all, args=(database_url, n, committed[n]))
        for n in range(WRITERS)
    ]
    seen: list[tuple[int, str, int]] = []

    def read_on() -> int:
        log.sequence(database)
        after = seen[-1][0] if seen else 0
        events = database.transaction(lambda t: log.read(t, after=after, limit=500))
        seen.extend(
            (e.seq, e.model, int(e.body["writer"]) * 1000 + int(e.body["number"]))  # type: ignore[arg-type] # JSON numbers
            for e in events
        )
        return len(events)

    with open_transaction_in_another_database(database_url):
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            read_on()
        while read_on():
            pass

    written = {entry for per_writer in committed for entry in per_writer}
    assert len(written) == WRITERS * EVENTS_EACH * 9 // 10
    assert {(model, key) for _, model, key in seen} == written
    assert [seq for seq, _, _ in seen] == list(range(1, len(written) + 1))
    by_writer: dict[tuple[str, int], list[int]] = defaultdict(list)
    for _, model, key in seen:
        by_writer[model, key // 1000].append(key)
    assert all(keys == sorted(keys) for keys in by_writer.values())


def test_order_within_a_model_is_the_order_of_commit(database: Database, database_url: str) -> None:
    committed: list[list[tuple[str, int]]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=write_all, args=(database_url, n, committed[n])) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.sequence(database)
    rows = database.fetch_all(
        "SELECT event.id FROM pedigree.feed JOIN pedigree.event USING (id)"
        " WHERE model = 'shared' ORDER BY seq"
    )
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids)


def test_two_sequencers_give_every_event_one_place(database: Database, database_url: str) -> None:
    write_all(database_url, 1, [])
    threads = [threading.Thread(target=lambda: log.sequence(database)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (row,) = database.fetch_all("SELECT count(*) AS n, max(seq) AS top FROM pedigree.feed")
    assert row["n"] == row["top"] == EVENTS_EACH * 9 // 10


def test_a_sequencer_gives_places_also_to_what_the_one_before_it_did_not_see(
    database: Database, database_url: str
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("ALTER FUNCTION pedigree.sequence_events() SET lock_timeout TO '60s'")
        other.commit()  # so that a busy machine does not end the wait
        other.execute(LEAD)  # and sees no event yet
        write_all(database_url, 1, [])
        thread = threading.Thread(target=lambda: log.sequence(database))
        thread.start()
        while thread.is_alive() and not database.fetch_all(AWAITED):
            pass
    thread.join()
    assert database.fetch_all("SELECT FROM pedigree.unsequenced") == []
    (row,) = database.fetch_all("SELECT count(*) AS n FROM pedigree.feed")
    assert row["n"] == EVENTS_EACH * 9 // 10


def test_a_suspended_sequencer_does_not_keep_others_from_reading(
    database: Database, database_url: str
) -> None:
    write_all(database_url, 1, [])
    with psycopg.connect(database_url) as other:
        other.execute(LEAD)
        log.sequence(database)
        assert database.fetch_all("SELECT FROM pedigree.feed") == []
    log.sequence(database)
    assert database.fetch_all("SELECT FROM pedigree.unsequenced") == []


def test_an_event_is_kept_as_the_bytes_that_its_leaf_hash_is_taken_of(database: Database) -> None:
    write = NewEvent(
        event_id="0b0e7c9e-6f39-4e0f-9a53-6f0f8a4f8f55",
        type=EventType.MODEL_CREATED,
        model="Größe",
        at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        actor=ACTOR,
        body={"b": 1, "a": [1.0, None]},
    )
    assert (
        write.canonical()
        == (
            '{"actor":{"name":"tester","source":"test"},"at":"2026-01-02T03:04:05.000678Z",'
            '"body":{"a":[1,null],"b":1},"event_id":"0b0e7c9e-6f39-4e0f-9a53-6f0f8a4f8f55",'
            '"model":"Größe","type":"model.created","version":null}'
        ).encode()
    )
    now = database.fetch_all("SELECT clock_timestamp() AS at")[0]["at"]
    database.transaction(
        lambda t: log.record(t, EventType.MODEL_CREATED, {}, model="churn", at=now, actor=ACTOR)
    )
    (row,) = database.fetch_all("SELECT canonical, leaf FROM pedigree.event")
    assert leaf_hash(row["canonical"]) == row["leaf"]


def test_events_cannot_be_changed_or_removed(database: Database, database_url: str) -> None:
    write_all(database_url, 1, [])
    log.sequence(database)
    for statement in (
        "UPDATE pedigree.event SET model = 'x'",
        "DELETE FROM pedigree.event",
        "TRUNCATE pedigree.event CASCADE",
        "DELETE FROM pedigree.feed",
        "SET session_replication_role = replica; UPDATE pedigree.feed SET seq = seq + 1",
    ):
        with (
            psycopg.connect(database_url) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="append-only"),
        ):
            connection.execute(statement)  # type: ignore[call-overload] # a literal all the same
