"""`kill -9` during a registration: no version without its bytes, and a retry makes one."""

from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.catalog.records import Registration
from pedigree.registry import Registry
from tests.artifacts.probes import keys_in
from tests.artifacts.publishing import (
    blob_keys,
    expire_leases,
    incomplete_blobs,
    rows_left,
    sweep_expired,
)
from tests.factories import artifact, new_version
from tests.faults.killing import Victim
from tests.faults.victims import registered_once
from tests.maintenance.collecting import require_sound

pytestmark = pytest.mark.system

WRITING = (
    "pedigree.registry",
    "pedigree.catalog",
    "pedigree.lineage",
    "pedigree.audit",
    "pedigree.artifacts.publish",
    "pedigree.artifacts.store",
    "pedigree.artifacts.content_upload",
    "pedigree.artifacts.upload_keys",
    "pedigree.artifacts.sweep",
    "pedigree.artifacts._local",
)
CREATING = (
    *("pedigree.registry.registration", "pedigree.registry.version_creator"),
    *("pedigree.catalog.creation", "pedigree.catalog.creation_calls"),
    *("pedigree.catalog.creation_look", "pedigree.lifecycle.draft_judgement"),
    *("pedigree.postgres.database", "pedigree.artifacts.content_upload"),
    "pedigree.artifacts.upload_keys",
)
# Prime numbers, so that other lines are hit when the code changes.
STRIDE = 5
REQUEST_STRIDE = 29


def test_a_kill_leaves_no_version_without_its_bytes_and_the_retry_gives_exactly_one(
    registry: Registry, database_url: str, tmp_path: Path
) -> None:
    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        name, path = f"model-{number}", artifact(tmp_path / f"{number}", f"weights {number}")
        lines = victim.run(
            kill_before=number if kill else None,
            database_url=database_url,
            store_url=registry.store.url,
            path=str(path),
            name=name,
        )
        require_whole(registry)
        retried = registry.register(name, path, new_version())
        assert retried.version.version_id == 1
        assert [each.reference for each in registry.versions(name)] == [f"{name}/1"]
        assert len(registry.trainings(f"{name}/1")) == 1
        return lines

    with Victim("tests.faults.victims:register", WRITING) as victim:
        run(victim, 100_000, kill=False)  # the first one also names the owner of the store
        lines = run(victim, 100_001, kill=False)
        assert lines
        outcomes = [run(victim, number) for number in range(0, lines, STRIDE)]
    assert outcomes.count(None) >= len(outcomes) - 2
    assert len(registry.events(limit=10_000)) >= len(outcomes)
    expire_leases(registry.database)
    sweep_expired(registry.database, registry.store, settle=timedelta(0))
    assert rows_left(registry.database) == {"uploads": 0, "orphans": 0}
    objects = keys_in(registry.settings.home_folder / "objects")
    assert len(objects) == len(blob_keys(registry.database)) == len(outcomes) + 2
    require_whole(registry)
    require_sound(registry)


def test_a_request_that_is_retried_after_a_kill_has_one_version_and_one_answer(
    registry: Registry, database_url: str, tmp_path: Path
) -> None:
    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        path = artifact(tmp_path / f"{number}", f"weights {number}")
        lines = victim.run(
            kill_before=number if kill else None,
            database_url=database_url,
            store_url=registry.store.url,
            path=str(path),
            name=f"request-{number}",
        )
        answer = registered_once(registry, path, f"request-{number}")
        assert registered_once(registry, path, f"request-{number}") == answer
        # An answer is kept with pseudonyms, and gets the names when it is sent.
        done = Registration.model_validate_json(registry.context.names.shown_json(answer))
        assert done.created
        assert done.version == registry.get(f"request-{number}/1")
        assert done.version.stage == "candidate"
        assert len(registry.versions(f"request-{number}")) == 1
        assert len(registry.trainings(f"request-{number}/1")) == 1
        return lines

    with Victim("tests.faults.victims:register_once", CREATING) as victim:
        lines = run(victim, 100_000, kill=False)
        assert lines
        outcomes = [run(victim, number) for number in range(0, lines, REQUEST_STRIDE)]
    assert outcomes.count(None) >= len(outcomes) - 2
    require_sound(registry)


def require_whole(registry: Registry) -> None:
    """Check that every visible version has all its bytes."""
    assert incomplete_blobs(registry.database, registry.store) == []
    for row in registry.database.fetch_all(
        "SELECT name, version FROM pedigree.model_version JOIN pedigree.registered_model"
        " USING (model_id) ORDER BY model_version.created_at DESC LIMIT 2"
    ):
        assert registry.manifest(f"{row['name']}/{row['version']}").files
