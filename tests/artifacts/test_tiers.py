from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from pedigree.artifacts.blob_upload import put_blob
from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.records import Digest, Tier, digest_of
from pedigree.artifacts.tiers import retier
from pedigree.errors import CorruptionError
from pedigree.postgres.database import Database
from tests.artifacts.probes import LocalProbe, Probe, flip_a_bit
from tests.artifacts.publishing import (
    blob_keys,
    expire_leases,
    incomplete_blobs,
    publish_and_seal,
    rows_left,
    sweep_expired,
)

Make = Callable[[Mapping[str, bytes]], Path]
AT_ONCE = timedelta(0)
CONTENT = b"weights"
DIGEST = digest_of(CONTENT)


@pytest.fixture
def key(database: Database, probe: Probe, make_folder: Make) -> str:
    """The key of a blob that an artifact is made of."""
    publish_and_seal(database, probe.store, make_folder({"model.bin": CONTENT}))
    return blob_keys(database)[DIGEST]


def tier_of(database: Database, digest: Digest) -> str:
    (row,) = database.fetch_all("SELECT tier FROM pedigree.blob WHERE digest = %s", [digest])
    return str(row["tier"])


def read(store: ObjectStore, key: str) -> bytes:
    return b"".join(store.stream(key))


@pytest.mark.contract
def test_a_blob_moves_to_a_new_key_and_the_old_one_stays_for_its_readers(
    database: Database, probe: Probe, key: str
) -> None:
    assert tier_of(database, DIGEST) == Tier.STANDARD
    assert retier(database, probe.store, DIGEST, Tier.ARCHIVE)
    moved = blob_keys(database)[DIGEST]
    assert (tier_of(database, DIGEST), read(probe.store, moved)) == (Tier.ARCHIVE, CONTENT)
    sweep_expired(database, probe.store, settle=AT_ONCE)
    assert probe.keys() == {key, moved}, "somebody may read the old one still"
    database.transaction(
        lambda tx: tx.execute("UPDATE pedigree.orphan SET removable_at = now()").rowcount
    )
    sweep_expired(database, probe.store, settle=AT_ONCE)
    assert probe.keys() == {moved}
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_a_blob_comes_back_and_moving_it_where_it_is_does_nothing(
    database: Database, probe: Probe, key: str
) -> None:
    assert not retier(database, probe.store, DIGEST, Tier.STANDARD)
    assert blob_keys(database) == {DIGEST: key}
    assert retier(database, probe.store, DIGEST, Tier.ARCHIVE)
    assert retier(database, probe.store, DIGEST, Tier.STANDARD, grace=AT_ONCE)
    assert tier_of(database, DIGEST) == Tier.STANDARD
    assert read(probe.store, blob_keys(database)[DIGEST]) == CONTENT
    assert key not in blob_keys(database).values(), "no key is written twice"
    assert not retier(database, probe.store, digest_of(b"never"), Tier.ARCHIVE)


def test_a_large_blob_moves_in_parts(database: Database, probe: Probe, make_folder: Make) -> None:
    content = b"0123456789" * 1_200_000
    publish_and_seal(database, probe.store, make_folder({"model.bin": content}))
    assert retier(database, probe.store, digest_of(content), Tier.ARCHIVE)
    assert read(probe.store, blob_keys(database)[digest_of(content)]) == content


@pytest.mark.parametrize("probe", ["swift", "ceph"], indirect=True)  # a folder moves no bytes
@pytest.mark.parametrize("content", [CONTENT, b"0123456789" * 1_200_000], ids=["small", "large"])
def test_damaged_bytes_do_not_move(
    database: Database, probe: Probe, make_folder: Make, content: bytes
) -> None:
    publish_and_seal(database, probe.store, make_folder({"model.bin": content}))
    ((digest, key),) = blob_keys(database).items()
    flip_a_bit(probe, key)
    with pytest.raises(CorruptionError, match="do not have the digest"):
        retier(database, probe.store, digest, Tier.ARCHIVE)
    assert probe.keys() == {key}
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_an_object_that_is_gone_does_not_move(database: Database, probe: Probe, key: str) -> None:
    put_blob(database, probe.store, b"another")
    probe.remove(key)
    with pytest.raises(CorruptionError, match="is missing from the store"):
        retier(database, probe.store, DIGEST, Tier.ARCHIVE)
    assert blob_keys(database)[DIGEST] == key
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_a_copy_that_a_sweep_took_is_not_pointed_to(
    database: Database, probe: Probe, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_copy = type(probe.store).copy

    def copy_and_lose_the_lease(self: ObjectStore, *args: object, **named: object) -> None:
        real_copy(self, *args, **named)  # type: ignore[arg-type]
        expire_leases(database)
        sweep_expired(database, self)

    monkeypatch.setattr(type(probe.store), "copy", copy_and_lose_the_lease)
    assert not retier(database, probe.store, DIGEST, Tier.ARCHIVE)
    assert (blob_keys(database), tier_of(database, DIGEST)) == ({DIGEST: key}, Tier.STANDARD)
    assert probe.keys() == {key}


def test_a_lost_answer_to_the_swap_is_retried_and_reported_as_moved(
    database: Database, probe: Probe, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Database.transaction

    def run_twice(self: Database, work: Callable[..., object]) -> object:
        real(self, work)
        return real(self, work)

    monkeypatch.setattr(Database, "transaction", run_twice)
    assert retier(database, probe.store, DIGEST, Tier.ARCHIVE)
    monkeypatch.undo()
    assert incomplete_blobs(database, probe.store) == []
    assert [row["key"] for row in database.fetch_all("SELECT key FROM pedigree.orphan")] == [key]


@pytest.mark.parametrize("probe", ["local", "ceph"], indirect=True)
def test_many_who_move_one_blob_leave_one_object(
    database: Database, probe: Probe, key: str
) -> None:
    with ThreadPoolExecutor(6) as pool:
        moves = [
            pool.submit(retier, database, probe.store, DIGEST, tier, grace=AT_ONCE)
            for tier in (Tier.ARCHIVE, Tier.STANDARD) * 6
        ]
    assert any(move.result() for move in moves)
    assert read(probe.store, blob_keys(database)[DIGEST]) == CONTENT
    sweep_expired(database, probe.store, settle=AT_ONCE)
    assert probe.keys() == set(blob_keys(database).values())
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_the_database_knows_no_other_tier(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    publish_and_seal(database, local_probe.store, make_folder({"model.bin": CONTENT}))
    for tier in Tier:
        database.transaction(
            lambda tx, tier=tier: tx.execute("UPDATE pedigree.blob SET tier = %s", [tier])
        )
    with pytest.raises(psycopg.errors.CheckViolation, match="blob_tier_known"):
        database.transaction(
            lambda tx: tx.execute("UPDATE pedigree.blob SET tier = 'attic'").rowcount
        )
