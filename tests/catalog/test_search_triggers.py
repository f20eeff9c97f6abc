"""The triggers of search do no work for a statement that changes nothing that search shows."""

from pathlib import Path

import psycopg
import pytest

from pedigree.registry import Registry
from tests.factories import promote_to_production, register_candidate

IDLE = {
    "no tenure ends": "UPDATE pedigree.tenure SET held_until = now() WHERE false",
    "no tenure begins": "INSERT INTO pedigree.tenure OVERRIDING SYSTEM VALUE"
    " SELECT * FROM pedigree.tenure WHERE false",
    "no version changes": "UPDATE pedigree.model_version SET description = 'x' WHERE false",
    "no training is added": "INSERT INTO pedigree.training SELECT * FROM pedigree.training"
    " WHERE false",
    "no card is written": "INSERT INTO pedigree.model_card SELECT * FROM pedigree.model_card"
    " WHERE false",
}
# A statement, and the functions of search that its trigger calls.
BUSY = {
    "a version is described": (
        "UPDATE pedigree.model_version SET description = 'x'",
        {"renew_search", "forget_search"},
    ),
    "an approval is asked for": (
        "UPDATE pedigree.model_version SET approval_status = 'pending'",
        {"renew_search_record"},
    ),
    "a tenure ends": (
        "UPDATE pedigree.tenure SET held_until = now(), ended_by = 'move'"
        " WHERE held_until IS NULL AND pointer = 'stage'",
        {"renew_search_record"},
    ),
}


def called(url: str, statement: str) -> set[str]:
    """Run a statement, undo it, and return the functions that its triggers called."""
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL track_functions = 'all'")
        connection.execute(statement)
        rows = connection.execute(
            "SELECT funcname FROM pg_stat_xact_user_functions"
            " WHERE schemaname = 'pedigree' AND calls > 0"
        ).fetchall()
        connection.rollback()
    names = {name for (name,) in rows}
    assert any(name.startswith("search_follows_") for name in names), names
    return names & {"renew_search", "forget_search", "renew_search_record"}


@pytest.fixture
def url(registry: Registry, tmp_path: Path, database_url: str) -> str:
    promote_to_production(registry, register_candidate(registry, tmp_path, "a"))
    registry.set_alias("churn", "best", 1)
    return database_url


def test_a_statement_without_rows_derives_nothing(url: str):
    assert {what: called(url, text) for what, text in IDLE.items()} == {
        what: set() for what in IDLE
    }


def test_a_change_derives_each_row_once(url: str):
    found = {what: called(url, text) for what, (text, _) in BUSY.items()}
    assert found == {what: functions for what, (_, functions) in BUSY.items()}
