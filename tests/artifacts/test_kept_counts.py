"""The registry's counts are kept with each change: exact, and no writer waits for another."""

from pathlib import Path

import psycopg

from pedigree.registry import Registry
from tests.factories import register
from tests.maintenance.collecting import collect

COUNTED = "SELECT * FROM pedigree.statistic_source"
BLOB = "INSERT INTO pedigree.blob (digest, size, key) VALUES (%s, 5, %s)"


def require_exact(registry: Registry) -> None:
    """The kept counts are those that reading all tables gives."""
    (counted,) = registry.database.fetch_all(COUNTED)
    archived = counted.pop("archived_bytes")
    stats = registry.stats()
    assert {name: getattr(stats, name) for name in counted} == counted
    assert stats.tiers["archive"] == archived


def test_the_counts_are_exact_after_each_change(impatient: Registry, tmp_path: Path) -> None:
    assert impatient.stats().versions == impatient.stats().stored_bytes == 0
    for name in ("a", "b"):
        register(impatient, tmp_path, "same", name)
    register(impatient, tmp_path, "other", "b")
    require_exact(impatient)
    stats = impatient.stats()
    assert (stats.models, stats.versions, stats.artifacts, stats.files) == (2, 3, 2, 2)
    assert (stats.logical_bytes, stats.stored_bytes) == (4 + 4 + 5, 4 + 5)

    impatient.delete("b/1", reason="test")
    assert (impatient.stats().versions, impatient.stats().logical_bytes) == (2, 9)
    impatient.restore("b/1")
    require_exact(impatient)
    impatient.delete_model("b", reason="test")
    assert (impatient.stats().models, impatient.stats().versions) == (1, 1)
    require_exact(impatient)
    collect(impatient)
    assert (impatient.stats().blobs, impatient.stats().stored_bytes) == (1, 4)
    require_exact(impatient)


def test_a_writer_does_not_wait_for_the_counts_of_another(
    registry: Registry, database_url: str
) -> None:
    with psycopg.connect(database_url) as one, psycopg.connect(database_url) as other:
        other.execute("SET lock_timeout = '1ms'")
        for connection, content in ((one, "a"), (other, "b"), (one, "c"), (other, "d")):
            connection.execute(BLOB, [content, content])
    assert (registry.stats().blobs, registry.stats().stored_bytes) == (4, 20)
    with psycopg.connect(database_url) as one:
        one.execute(BLOB, ["e", "e"])
        one.rollback()
    require_exact(registry)
    rows = registry.database.fetch_all("SELECT count(*) FROM pedigree.statistic")
    assert rows[0]["count"] == 2  # as many as there were writers at once


def test_a_session_that_began_with_one_writer_counts_each_change_once_among_many(
    registry: Registry, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute(BLOB, ["first", "first"])
        session.execute("ANALYZE pedigree.statistic")
        session.execute("SET plan_cache_mode = force_generic_plan")
        for number in range(10):  # a session keeps the plan that it made among one row
            session.execute(BLOB, [f"{number}", f"{number}"])
        writers = [psycopg.connect(database_url) for _ in range(5)]
        for number, writer in enumerate(writers):
            writer.execute(BLOB, [f"of {number}", f"of {number}"])
        for writer in writers:
            writer.commit()
            writer.close()
        session.execute(BLOB, ["last", "last"])
    assert registry.stats().blobs == 17
    require_exact(registry)
