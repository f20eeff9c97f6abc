"""A plan judges the bytes that lost a reference, and a collection forgets those that are in use."""

from pathlib import Path

import psycopg

from pedigree.maintenance.gc_records import PlannedBlob
from pedigree.registry import Registry
from tests.factories import register
from tests.maintenance.collecting import collect, planned, require_sound

BLOB = "INSERT INTO pedigree.blob (digest, size, key) VALUES (%s, 1, 'a/key')"


def released(registry: Registry) -> list[tuple[str, str]]:
    rows = registry.database.fetch_all("SELECT kind, digest FROM pedigree.released ORDER BY 1, 2")
    return [(row["kind"], row["digest"]) for row in rows]


def test_bytes_that_nothing_refers_to_at_the_end_of_their_transaction_are_in_the_plan(
    registry: Registry, database_url: str
) -> None:
    digest = f"sha256:{'0' * 64}"
    with psycopg.connect(database_url) as connection:
        connection.execute(BLOB, [digest])
    assert released(registry) == [("blob", digest)]
    (item,) = planned(registry)
    assert isinstance(item, PlannedBlob)
    assert item.digest == digest
    collect(registry)
    assert released(registry) == []
    require_sound(registry)


def test_a_registration_releases_nothing(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    assert released(registry) == []


def test_released_bytes_that_another_version_has_are_forgotten_until_it_goes(
    impatient: Registry, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        register(impatient, tmp_path, "same", name)
    impatient.delete("a/1", reason="test")
    assert collect(impatient).done.keys() == {"version"}
    assert released(impatient) == []
    impatient.delete("b/1", reason="test")
    assert collect(impatient).done.keys() == {"version", "artifact", "blob"}
    assert released(impatient) == []
    require_sound(impatient)


def test_what_a_killed_collection_left_is_in_the_next_plan(
    impatient: Registry, tmp_path: Path, database_url: str
) -> None:
    register(impatient, tmp_path, "a")
    impatient.delete("churn/1", reason="test")
    with psycopg.connect(database_url) as connection:  # the first step of a collection
        connection.execute("UPDATE pedigree.model_version SET collected_at = now()")
    assert [item.kind for item in planned(impatient)] == ["artifact", "blob"]
    assert collect(impatient).done.keys() == {"artifact", "blob"}
    assert released(impatient) == []
