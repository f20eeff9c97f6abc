"""A store that lost bytes is noticed where the registry relies on them, before it acknowledges."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

from pedigree.artifacts.blob_upload import put_blob
from pedigree.artifacts.objects import open_store
from pedigree.artifacts.store import locate
from pedigree.artifacts.store_health import missing
from pedigree.artifacts.store_owner import OWNERS, require_owned, require_unused
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.restored_bytes import restored_by
from pedigree.errors import CorruptionError, StoreUnavailableError
from pedigree.postgres import Database
from pedigree.postgres.migrate import migrate, pending
from pedigree.registry import Registry
from tests.artifacts.probes import Probe
from tests.factories import artifact, new_version, register
from tests.maintenance.collecting import collect, require_sound

Damage = Callable[[Registry, str], None]


def objects_of(registry: Registry, reference: str) -> list[Path]:
    """The files that hold a version's bytes."""
    digests = [file.digest for file in registry.manifest(reference).files]
    return [Path(registry.store.location(key_of(registry, digest))) for digest in digests]


def key_of(registry: Registry, digest: str) -> str:
    return registry.database.transaction(lambda transaction: locate(transaction, [digest]))[digest]


def remove(registry: Registry, reference: str) -> None:
    for path in objects_of(registry, reference):
        path.unlink()


def shorten(registry: Registry, reference: str) -> None:
    for path in objects_of(registry, reference):
        path.write_bytes(path.read_bytes()[:-1])


def lose_folder(registry: Registry, _reference: str) -> None:
    shutil.rmtree(registry.settings.home_folder / "objects")


def empty_folder(registry: Registry, reference: str) -> None:
    """As a disk leaves its mount point that is not mounted."""
    lose_folder(registry, reference)
    (registry.settings.home_folder / "objects").mkdir()


def counts(registry: Registry) -> tuple[int, int]:
    stats = registry.stats()
    return stats.versions, len(registry.events())


@pytest.fixture
def known(registry: Registry, tmp_path: Path) -> str:
    register(registry, tmp_path, "other", "other")
    return register(registry, tmp_path, "weights")


@pytest.mark.parametrize("damage", [lose_folder, empty_folder])
def test_nothing_is_registered_where_the_store_lost_all_its_objects(
    damage: Damage, registry: Registry, known: str, tmp_path: Path
) -> None:
    damage(registry, known)
    before = counts(registry)
    with pytest.raises(StoreUnavailableError):
        registry.register("twin", tmp_path / "weights", new_version())
    with pytest.raises(CorruptionError):
        registry.register_files("twin", registry.manifest(known).files, new_version())
    assert counts(registry) == before


@pytest.mark.parametrize("damage", [remove, shorten])
def test_lost_bytes_are_refused_by_their_digests_and_stored_again_by_their_files(
    damage: Damage, registry: Registry, known: str, tmp_path: Path
) -> None:
    damage(registry, known)
    before = counts(registry)
    (file,) = registry.manifest(known).files
    with pytest.raises(CorruptionError, match=file.digest):
        registry.register_files("twin", [file], new_version())
    assert counts(registry) == before
    twin = registry.register("twin", tmp_path / "weights", new_version()).version
    assert twin.reference == "twin/1"
    assert restored(registry) == [file.digest]
    registry.verify(known)
    registry.verify("twin/1")
    require_sound(registry)
    assert not registry.register("twin", tmp_path / "weights", new_version(run_id="b")).created
    assert restored(registry) == [file.digest]
    collect(registry)
    require_sound(registry)


def restored(registry: Registry) -> list[str]:
    """The digests of the events of restored bytes, each by the tester."""
    events = registry.events(types=[EventType.BLOB_RESTORED])
    assert all(event.actor.name == "tester" for event in events)
    return [str(event.body["digest"]) for event in events]


@pytest.mark.parametrize("size", [10, 3 << 20], ids=["held in memory", "copied first"])
def test_of_several_files_only_the_lost_ones_are_stored_again(
    probe: Probe, size: int, registry: Registry, tmp_path: Path
) -> None:
    registry = Registry(registry.database, probe.store, registry.settings)
    folder = tmp_path / "several"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name * size)
    first = registry.register("churn", folder, new_version()).version.reference
    lost = [file.digest for file in registry.manifest(first).files if file.path != "b"]
    for digest in lost:
        probe.remove(key_of(registry, digest))
    kept = probe.keys()
    (folder / "d").write_text("new")
    registry.register("churn", folder, new_version())
    assert sorted(restored(registry)) == sorted(lost)
    assert len(probe.keys() - kept) == 3
    require_sound(registry)


def test_bytes_that_many_store_again_at_once_are_stored_once(
    registry: Registry, known: str, tmp_path: Path
) -> None:
    remove(registry, known)

    def again(number: int) -> str:
        new = new_version(run_id=f"run-{number}")
        return registry.register(f"twin-{number}", tmp_path / "weights", new).version.reference

    with ThreadPoolExecutor(6) as pool:
        made = [*pool.map(again, range(6))]
    assert len(restored(registry)) == 1
    for reference in made:
        registry.verify(reference)
    collect(registry)
    require_sound(registry)


@pytest.mark.parametrize("damage", [lose_folder, empty_folder])
@pytest.mark.parametrize("size", [10, 5 << 20], ids=["held in memory", "copied first"])
def test_an_empty_folder_is_not_started_in_place_of_a_lost_one(
    damage: Damage, size: int, registry: Registry, known: str, tmp_path: Path
) -> None:
    damage(registry, known)
    before, root = counts(registry), registry.settings.home_folder / "objects"
    was_there = root.exists()
    with pytest.raises(StoreUnavailableError, match="has none of the registry's objects"):
        registry.register("new", artifact(tmp_path / "new", "x" * size), new_version())
    with pytest.raises(StoreUnavailableError, match="has none of the registry's objects"):
        registry.write_card(known)
    assert root.exists() is was_there
    assert not list(root.rglob("*")) if was_there else True
    assert counts(registry) == before


def test_another_store_than_the_registrys_is_refused(
    registry: Registry, known: str, tmp_path: Path
) -> None:
    elsewhere = Registry(
        registry.database, open_store(f"file://{tmp_path}/elsewhere", tmp_path), registry.settings
    )
    with pytest.raises(StoreUnavailableError, match="PEDIGREE_STORE_URL"):
        register(elsewhere, tmp_path, "more")
    assert not (tmp_path / "elsewhere").exists()


def test_a_new_registry_starts_its_folder(registry: Registry, tmp_path: Path) -> None:
    assert not (registry.settings.home_folder / "objects").exists()
    register(registry, tmp_path, "weights")
    assert registry.fsck(hashes=True).ok


def test_a_folder_that_vanishes_while_files_are_copied_fails_the_registration(
    registry: Registry, known: str, tmp_path: Path
) -> None:
    before = counts(registry)

    def vanish(_read: int, _total: int) -> None:
        if (registry.settings.home_folder / "objects" / "blobs").exists():
            shutil.rmtree(registry.settings.home_folder / "objects" / "blobs")

    with pytest.raises(StoreUnavailableError):
        registry.register(
            "new", artifact(tmp_path / "new", "x" * (5 << 20)), new_version(), progress=vanish
        )
    assert counts(registry) == before


@pytest.mark.parametrize("damage", [remove, shorten])
def test_a_deleted_version_whose_bytes_are_lost_is_not_restored(
    damage: Damage, registry: Registry, known: str
) -> None:
    damage(registry, known)
    registry.delete(known, reason="test")
    before = counts(registry)
    with pytest.raises(CorruptionError, match="fsck"):
        registry.restore(known)
    assert counts(registry) == before
    registry.delete_model("churn", reason="test")
    with pytest.raises(CorruptionError, match="fsck"):
        registry.restore_model("churn")
    assert counts(registry)[0] == before[0]


def test_a_lost_blob_is_not_taken_for_a_stored_one(registry: Registry) -> None:
    digest = put_blob(registry.database, registry.store, b"# card")
    assert put_blob(registry.database, registry.store, b"# card") == digest
    put_blob(registry.database, registry.store, b"other")
    Path(registry.store.location(key_of(registry, digest))).unlink()
    with pytest.raises(CorruptionError):
        put_blob(registry.database, registry.store, b"# card")
    record = restored_by(Actor(name="tester", source="test"))
    assert put_blob(registry.database, registry.store, b"# card", record) == digest
    assert Path(registry.store.location(key_of(registry, digest))).read_bytes() == b"# card"
    assert restored(registry) == [digest]


def test_the_store_of_another_registry_is_refused_before_anything_is_written(
    registry: Registry, make_database_url: Callable[..., str], tmp_path: Path
) -> None:
    register(registry, tmp_path, "weights")
    with Database.connect(make_database_url()) as database:
        database.fetch_all(ANOTHER_IDENTITY)
        other = Registry(database, registry.store, registry.settings)
        before = registry.store.keys("blobs/", limit=9)
        with pytest.raises(StoreUnavailableError, match="belongs to another registry") as refused:
            register(other, tmp_path, "more")
        assert refused.value.field == "PEDIGREE_STORE_URL"
        assert missing(database, other.store) == "it belongs to another registry"
        assert registry.store.keys("blobs/", limit=9) == before
        assert counts(other) == (0, 0)
    assert register(registry, tmp_path, "more") == "churn/2"


ANOTHER_IDENTITY = (
    "UPDATE pedigree.registry_identity SET registry_id = gen_random_uuid() RETURNING registry_id"
)


def test_of_registries_that_begin_in_one_store_at_once_at_most_one_owns_it(
    registry: Registry, make_database_url: Callable[..., str]
) -> None:
    with ExitStack() as stack:
        databases = [stack.enter_context(Database.connect(make_database_url())) for _ in range(4)]
        for database in databases:
            database.fetch_all(ANOTHER_IDENTITY)

        def begin(database: Database) -> bool:
            with suppress(StoreUnavailableError):
                require_owned(database, registry.store)
                return True
            return False

        with ThreadPoolExecutor() as pool:
            owning = [*pool.map(begin, databases)]
        assert sum(owning) <= 1
        assert len(registry.store.keys(OWNERS, limit=9)) <= 1
        if sum(owning) == 0:
            assert begin(databases[0])
        with ThreadPoolExecutor() as pool:
            assert sum(pool.map(begin, databases)) == 1


def test_an_empty_database_does_not_begin_on_the_objects_of_a_lost_one(
    home: Path, make_database_url: Callable[..., str]
) -> None:
    (home / "objects" / "blobs").mkdir(parents=True)
    (home / "objects" / "blobs" / "a").write_text("weights")
    store = open_store(None, home)
    with Database.connect(make_database_url(template=None)) as database:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="the database is empty, but"):
                migrate(database, begin=partial(require_unused, store))
        assert len(pending(database)) > 40
        shutil.rmtree(home / "objects" / "blobs")
        assert len(migrate(database, begin=partial(require_unused, store))) > 40
        # Later migrations of a registry that has objects are none of its business.
        (home / "objects" / "blobs" / "a").mkdir(parents=True)
        assert migrate(database, begin=partial(require_unused, store)) == ()
