"""Hold processes at a row that they write into Dagster's tables, so that they die in the midst."""

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
    """Who waits to write such a row."""

    connection: psycopg.Connection[tuple[int]]

    def waiting(self) -> list[int]:
        """The sessions of those who wait."""
        return [pid for (pid,) in self.connection.execute(_WAITING, [_KEY]).fetchall()]

    def end_sessions(self) -> None:
        """End the sessions of killed processes, which would write yet once they may."""
        for pid in self.waiting():
            self.connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@contextmanager
def held_at(served: Served, table: str, condition: str) -> Iterator[Held]:
    """Let whoever inserts a row of which a condition on NEW holds wait, while this lasts."""
    # Asked for the public way, this process would be a user of the server, which then never stops.
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
