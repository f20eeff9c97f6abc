"""`kill -9` during a garbage collection: nothing is lost, and the next one completes."""

from pathlib import Path

import pytest

from pedigree.errors import RefusedError, VersionNotFoundError
from pedigree.lifecycle.records import RetentionRule
from pedigree.maintenance.gc_records import PlannedTier
from pedigree.registry import Registry
from tests.artifacts.probes import keys_in
from tests.artifacts.publishing import (
    blob_keys,
    expire_leases,
    incomplete_blobs,
    let_orphans_settle,
    rows_left,
)
from tests.factories import free_policy, register
from tests.faults.killing import Victim
from tests.maintenance.collecting import collect, planned, require_sound

pytestmark = pytest.mark.system

COLLECTING = ("pedigree.maintenance", "pedigree.artifacts.sweep", "pedigree.artifacts.tiers")
# A prime number, so that other lines are hit when the code changes.
STRIDE = 13


@pytest.mark.timeout(600)
def test_a_kill_leaves_all_references_intact_and_the_next_collection_completes(
    impatient: Registry, database_url: str, tmp_path: Path
) -> None:
    registry = impatient

    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        name = f"model-{number}"
        prepare(registry, tmp_path, name)
        lines = victim.run(
            kill_before=number if kill else None,
            database_url=database_url,
            store_url=registry.store.url,
            home=str(registry.settings.home_folder),
        )
        assert incomplete_blobs(registry.database, registry.store) == []
        restored = restore(registry, f"{name}/4")
        expire_leases(registry.database)
        collect(registry)
        assert planned(registry) == []
        assert len(registry.versions(name)) == (4 if restored else 3)
        assert tier(registry, name) == "archive"
        return lines

    with Victim("tests.faults.victims:collect", COLLECTING) as victim:
        lines = run(victim, 100_000, kill=False)
        assert lines
        outcomes = [run(victim, number) for number in range(0, lines, STRIDE)]
    assert outcomes.count(None) >= len(outcomes) - 2
    let_orphans_settle(registry.database)
    collect(registry)
    assert rows_left(registry.database) == {"uploads": 0, "orphans": 0}
    objects = keys_in(registry.settings.home_folder / "objects")
    assert objects == set(blob_keys(registry.database).values())
    require_sound(registry)


def prepare(registry: Registry, tmp_path: Path, name: str) -> None:
    """Make a model whose first version is due for archiving, and whose fourth is deleted."""
    registry.set_policy(name, free_policy(RetentionRule(keep_production=1)))
    for content in ("a", "b", "c"):
        registry.promote(register(registry, tmp_path, f"{name}-{content}", name), "production")
    registry.delete(register(registry, tmp_path, f"{name}-d", name), reason="test")
    assert [item.subject for item in planned(registry) if isinstance(item, PlannedTier)] == [
        f"{name}/1"
    ]


def restore(registry: Registry, reference: str) -> bool:
    """Restore the deleted version, if the collection has not removed it yet."""
    try:
        registry.restore(reference)
    except (RefusedError, VersionNotFoundError):
        return False
    registry.verify(reference)
    return True


def tier(registry: Registry, name: str) -> str:
    digest = registry.manifest(f"{name}/1").files[0].digest
    (row,) = registry.database.fetch_all(
        "SELECT tier FROM pedigree.blob WHERE digest = %s", [digest]
    )
    return str(row["tier"])
