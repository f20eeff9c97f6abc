"""Block processes at an insert into Dagster's tables, so that they can be killed there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from pedigree.dagster.instance.storage import DATABASE
from pedigree.postgres import EmbeddedPostgres
from tests.integration.served import Served

_KEY = 20_260
_WAITING = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND objid = %s AND NOT granted AND database = (
    SELECT oid FROM pg_database WHERE datname = current_database()
)
"""


@dataclass(frozen=True)
class Held:
    """The sessions that wait to insert such a row."""

    connection: psycopg.Connection[tuple[int]]

    def waiting(self) -> list[int]:
        """Return the waiting sessions."""
        return [pid for (pid,) in self.connection.execute(_WAITING, [_KEY]).fetchall()]

    def end_sessions(self) -> None:
        """End the sessions of killed processes, which would otherwise still insert the row."""
        for pid in self.waiting():
            self.connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@contextmanager
def held_at(served: Served, table: str, condition: str) -> Iterator[Held]:
    """Block inserts of rows that meet a condition on NEW, while the context is open."""
    # The public API would make this process a user of the server, which then never stops.
    url = EmbeddedPostgres(served.home)._url(DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_KEY])
        connection.execute(
            "CREATE OR REPLACE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$BEGIN PERFORM pg_advisory_xact_lock_shared({_KEY}); RETURN NEW; END$$"
        )
        connection.execute(
            f"CREATE TRIGGER held BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition})"
            " EXECUTE FUNCTION held()"
        )
        try:
            yield Held(connection)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_KEY])
            connection.execute(f"DROP TRIGGER held ON {table}")
