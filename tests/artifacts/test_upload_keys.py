"""Keys announced in blocks: no object is lost, and none stays that no version needs."""

from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.artifacts.content_upload import ContentUpload
from pedigree.artifacts.objects import open_store
from pedigree.artifacts.records import digest_of
from pedigree.artifacts.store import StoredBlob, close_upload
from pedigree.artifacts.sweep import abandon_keys
from pedigree.artifacts.upload_keys import UploadKeys, give_up_keys, upload_keys
from pedigree.audit.records import Actor
from pedigree.catalog.restored_bytes import restored_by
from pedigree.errors import InvalidInputError
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from tests.artifacts.probes import LocalProbe
from tests.artifacts.publishing import blob_keys, expire_leases, rows_left, sweep_expired
from tests.factories import artifact, new_version

AT_ONCE = timedelta(0)
RECORD = restored_by(Actor(name="tester", source="test"))


def blocks(database: Database) -> list[int]:
    rows = database.fetch_all(
        "SELECT keys FROM pedigree.upload WHERE keys IS NOT NULL ORDER BY keys"
    )
    return [row["keys"] for row in rows]


def make_live(database: Database, stored: StoredBlob, keys: UploadKeys) -> None:
    assert keys._block is not None
    block = keys._block.block_id
    database.transaction(lambda transaction: close_upload(transaction, block, [stored]))


@pytest.fixture
def probe(tmp_path: Path) -> LocalProbe:
    root = tmp_path / "objects"
    return LocalProbe(open_store(root.as_uri(), tmp_path), root)


def store_one(database: Database, probe: LocalProbe, content: bytes) -> StoredBlob:
    """Store some bytes as a process does that dies before they are live."""
    upload = ContentUpload(database, probe.store, {digest_of(content): content}, RECORD)
    return upload.store(()).stored[0]


def test_a_block_is_announced_once_and_grows_with_its_use(
    registry: Registry, tmp_path: Path
) -> None:
    for number in range(1, 11):
        path = artifact(tmp_path / f"{number}", f"weights {number}")
        assert registry.register("churn", path, new_version()).version.version_id == number
    assert blocks(registry.database) == [8, 32]
    registry.verify("churn/10")
    give_up_keys(registry.database)  # as when the registry is closed
    assert rows_left(registry.database) == {"uploads": 0, "orphans": 0}
    assert blocks(registry.database) == []


def test_nothing_is_announced_when_all_is_live(registry: Registry, tmp_path: Path) -> None:
    registry.register("churn", artifact(tmp_path / "1"), new_version())
    give_up_keys(registry.database)
    registry.register("other", artifact(tmp_path / "2"), new_version())
    assert blocks(registry.database) == []
    assert rows_left(registry.database) == {"uploads": 0, "orphans": 0}


def test_a_collection_removes_of_a_dead_process_what_is_not_live(
    database: Database, probe: LocalProbe
) -> None:
    kept, lost = (store_one(database, probe, each) for each in (b"kept", b"lost"))
    make_live(database, kept, upload_keys(database))
    assert sweep_expired(database, probe.store) == 0, "its lease runs"
    expire_leases(database)
    sweep_expired(database, probe.store, settle=AT_ONCE)
    assert probe.keys() == {kept.key} == set(blob_keys(database).values())
    assert blocks(database) == []
    make_live(database, lost, upload_keys(database))
    assert set(blob_keys(database).values()) == {kept.key}, "the block is gone"


def test_a_registration_goes_on_after_its_block_was_collected(
    registry: Registry, tmp_path: Path
) -> None:
    registry.register("churn", artifact(tmp_path / "1", "weights 1"), new_version())
    expire_leases(registry.database)
    sweep_expired(registry.database, registry.store, settle=AT_ONCE)
    done = registry.register("churn", artifact(tmp_path / "2", "weights 2"), new_version())
    assert done.version.version_id == 2
    registry.verify("churn/1")
    registry.verify("churn/2")


def test_a_transaction_that_is_repeated_or_late_makes_no_live_object_an_orphan(
    database: Database, probe: LocalProbe
) -> None:
    stored, given_up = (store_one(database, probe, each) for each in (b"kept", b"given up"))
    keys = upload_keys(database)
    assert keys._block is not None
    for _ in range(2):  # the answer to the first commit was lost
        make_live(database, stored, keys)
    assert rows_left(database) == {"uploads": 0, "orphans": 0}
    abandon_keys(database, probe.store, keys._block.block_id, [stored.key, given_up.key])
    assert probe.keys() == {stored.key}
    make_live(database, given_up, keys)  # sent before, and arrives now
    assert set(blob_keys(database).values()) == {stored.key}
    keys.give_up()
    sweep_expired(database, probe.store, settle=AT_ONCE)
    assert probe.keys() == {stored.key}
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_two_uploads_of_the_same_bytes_leave_one_object(
    database: Database, probe: LocalProbe
) -> None:
    first, second = (store_one(database, probe, b"same") for _ in range(2))
    make_live(database, first, upload_keys(database))
    make_live(database, second, upload_keys(database))
    sweep_expired(database, probe.store, settle=AT_ONCE)
    assert probe.keys() == {first.key} == set(blob_keys(database).values())


def test_what_a_refused_registration_stored_is_removed(registry: Registry, tmp_path: Path) -> None:
    registry.register("churn", artifact(tmp_path / "1"), new_version())
    objects = registry.settings.home_folder / "objects"
    before = {path for path in objects.rglob("*") if path.is_file()}
    content = b"new weights"

    def refuse() -> None:
        sent = {digest_of(content): content}
        with ContentUpload(registry.database, registry.store, sent, RECORD) as upload:
            upload.store(())
            raise InvalidInputError("refused")

    with pytest.raises(InvalidInputError):
        refuse()
    assert {path for path in objects.rglob("*") if path.is_file()} == before


def test_keys_are_in_folders_that_stay(database: Database, tmp_path: Path) -> None:
    store = open_store((tmp_path / "objects").as_uri(), tmp_path)
    key = upload_keys(database).take(1).keys[0]
    store.put(key, b"x")
    folder = (tmp_path / "objects" / key).parent
    store.delete([key])
    assert folder.is_dir()
    assert folder.parent.name == "small"
