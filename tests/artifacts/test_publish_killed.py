"""`kill -9` before the lines of publishing and sealing: nothing incomplete is valid."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from pedigree.artifacts.pull import verify
from pedigree.artifacts.store import get_manifest
from pedigree.maintenance.fsck import fsck
from pedigree.postgres.database import Database
from tests.artifacts.probes import LocalProbe
from tests.artifacts.publishing import (
    blob_keys,
    expire_leases,
    incomplete_blobs,
    keys_of,
    publish_and_seal,
    rows_left,
    sweep_expired,
)
from tests.faults.killing import Victim

pytestmark = pytest.mark.system

# What writes. Before it, nothing can be half done: scanning, hashing and records are left out.
WRITING = [
    f"pedigree.artifacts.{name}" for name in ("publish", "store", "_upload", "_local", "_intake")
]

Make = Callable[[Mapping[str, bytes]], Path]


def test_a_kill_leaves_nothing_half_and_the_retry_works(
    database: Database,
    database_url: str,
    local_probe: LocalProbe,
    make_folder: Make,
) -> None:
    store = local_probe.store

    def run(victim: Victim, number: int, *, kill: bool = True) -> int | None:
        folder = make_folder({"model": b"%d" % number, "sub/info": b"info of %d" % number})
        lines = victim.run(
            kill_before=number if kill else None,
            database_url=database_url,
            store_url=store.url,
            path=str(folder),
        )
        assert incomplete_blobs(database, store) == []
        manifest = publish_and_seal(database, store, folder)
        verify(store, manifest, keys_of(database, manifest))
        return lines

    with Victim("tests.faults.victims:publish", WRITING) as victim:
        run(victim, 10_000, kill=False)  # the first one makes the store the registry's own
        lines = run(victim, 10_001, kill=False)
        assert lines
        assert lines > 60
        # Every second line: two lines are seldom two states.
        outcomes = [run(victim, number) for number in range(0, lines, 2)]
    killed = outcomes.count(None)
    assert killed >= len(outcomes) - 5, "threads may need some lines more or fewer"
    artifacts = database.fetch_all("SELECT digest FROM pedigree.artifact")
    assert len(artifacts) == len(outcomes) + 2
    for row in artifacts:
        manifest = database.transaction(partial(get_manifest, digest=row["digest"]))
        verify(store, manifest, keys_of(database, manifest))
    expire_leases(database)
    sweep_expired(database, store, settle=timedelta(0))
    assert local_probe.keys() == set(blob_keys(database).values())
    assert rows_left(database) == {"uploads": 0, "orphans": 0}
    # This test seals artifacts without versions, which no registration does.
    assert fsck(database, store, hashes=True).violated == ("garbage_known",)
