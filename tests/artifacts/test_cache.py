import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.pull import pull
from pedigree.artifacts.records import digest_of
from pedigree.errors import StoreUnavailableError
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.cache_user import SIZE, blob, source_of, use
from tests.artifacts.probes import Probe, contents
from tests.artifacts.publishing import keys_of, publish_and_seal
from tests.factories import artifact, new_version

Make = Callable[[Mapping[str, bytes]], Path]


def down(_start: int) -> Iterator[bytes]:
    raise StoreUnavailableError("the network is down")
    yield b""


def read(cache: BlobCache, number: int, source: Callable[[int], Iterator[bytes]]) -> bytes:
    return b"".join(cache.source(digest_of(blob(number)), SIZE, source)(0))


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "blobs").iterdir())


def test_a_cached_blob_needs_no_store(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", 10 * SIZE)
    assert read(cache, 1, source_of(1)) == blob(1)
    assert read(cache, 1, down) == blob(1)
    with pytest.raises(StoreUnavailableError):
        read(cache, 2, down)


def test_the_least_recently_used_entry_is_evicted_first(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, 3 * SIZE)
    for number in (1, 2, 3):
        read(cache, number, source_of(number))
    for age, number in enumerate((1, 3, 2)):
        os.utime(tmp_path / "blobs" / digest_of(blob(number))[7:], (1000 + age, 1000 + age))
    read(cache, 4, source_of(4))
    kept = {path.name for path in (tmp_path / "blobs").iterdir()}
    assert kept == {digest_of(blob(number))[7:] for number in (2, 3, 4)}


def test_a_flipped_bit_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, 10 * SIZE)
    read(cache, 1, source_of(1))
    (kept,) = (tmp_path / "blobs").iterdir()
    kept.chmod(0o644)
    kept.write_bytes(b"\0" + blob(1)[1:])
    assert read(cache, 1, source_of(1)) == blob(1)
    assert kept.read_bytes() == blob(1)


def test_a_folder_that_is_in_use_is_not_evicted(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, 0)
    digest = digest_of(blob(1))
    with cache.artifact(digest) as path:
        folder = os.open(path, os.O_RDONLY)
        cache.link(digest, SIZE, source_of(1), "model.bin", folder)
        os.close(folder)
        BlobCache(tmp_path, 0).trim()
        assert (path / "model.bin").read_bytes() == blob(1)
    assert size_of(tmp_path) == 0
    assert not path.exists()


def test_a_folder_that_is_not_writable_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    cache = BlobCache(tmp_path / "file" / "cache", 10 * SIZE)
    assert read(cache, 1, source_of(1)) == blob(1)


@pytest.mark.system
def test_processes_that_share_a_cache_and_are_killed_leave_it_usable_and_bounded(
    tmp_path: Path,
) -> None:
    limit = 4 * SIZE
    command = [sys.executable, "-m", "tests.artifacts.cache_user", str(tmp_path), str(limit)]
    users = [subprocess.Popen([*command, str(seed), "60"]) for seed in range(3)]
    victims = [subprocess.Popen([*command, str(seed), "100000"]) for seed in range(2)]
    assert [user.wait() for user in users] == [0, 0, 0]
    for victim in victims:
        assert victim.poll() is None
        victim.kill()
        victim.wait()
    cache = BlobCache(tmp_path, limit)
    for number in random.Random(0).sample(range(12), 12):
        use(cache, number, linked=number % 2 == 0)
    cache.trim()
    assert size_of(tmp_path) <= limit
    for path in (tmp_path / "blobs").iterdir():
        assert digest_of(path.read_bytes()) == f"sha256:{path.name}"


@pytest.mark.contract
@pytest.mark.parametrize("probe", ["swift", "ceph"], indirect=True)
def test_a_second_pull_from_a_remote_store_reads_the_cache(
    database: Database, probe: Probe, make_folder: Make, tmp_path: Path
) -> None:
    files = {"model.bin": b"weights", "same": b"weights", "info": b"{}", "empty": b""}
    manifest = publish_and_seal(database, probe.store, make_folder(files))
    keys = keys_of(database, manifest)
    cache = BlobCache(tmp_path / "cache", 1 << 20)
    pull(probe.store, manifest, keys, tmp_path / "one", cache=cache)
    for key in keys.values():
        probe.remove(key)
    pull(probe.store, manifest, keys, tmp_path / "two", cache=cache)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == files
    (tmp_path / "one" / "model.bin").write_bytes(b"edited")
    pull(probe.store, manifest, keys, tmp_path / "three", cache=cache)
    assert contents(tmp_path / "three") == files, "an edit of what was pulled harms nobody"


def test_a_loaded_version_is_cached_within_the_limit(
    database: Database, registry: Registry, home: Path, tmp_path: Path
) -> None:
    for number in range(3):
        path = artifact(tmp_path / str(number), f"weights {number}" * 1000)
        registry.register(f"model-{number}", path, new_version())
    limit = 15_000
    settings = Settings(home=home, actor="tester", cache_bytes=limit)
    session = Registry(database, registry.store, settings)
    folders = [session.folder(f"model-{number}/1") for number in range(3)]
    for number, folder in enumerate(folders):
        (file,) = folder.rglob("*")
        assert file.read_text() == f"weights {number}" * 1000
    file.chmod(0o644)
    file.write_text("edited")
    assert contents(session.folder("model-2/1"))[file.name] == b"weights 2" * 1000
    session.context.cache.release()
    session.context.cache.trim()
    assert size_of(home / "cache") <= limit
