"""A cache on a failing disk or of another user: it works, or the error names it."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.artifacts.cache import BlobCache
from tests.artifacts.cache_user import SIZE, blob, source_of
from tests.artifacts.faulty_disks import LIMIT, load_files, loaded, outcome, pulled
from tests.artifacts.test_cache import read, size_of
from tests.users import as_another_user


def test_a_disk_that_is_full_or_read_only_is_worked_around_or_named(tmp_path: Path) -> None:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk in a namespace of its own")
    command = ["unshare", "-rm", sys.executable, "-m", "tests.artifacts.faulty_disks"]
    done = subprocess.run([*command, str(tmp_path)], check=True, capture_output=True)
    found = json.loads(done.stdout)
    assert found.pop("full, left") == []
    failed = {name: outcome for name, outcome in found.items() if outcome != ["works"]}
    assert {name: kind for name, (kind, _) in failed.items()} == {
        "read-only, load from an empty cache": "CacheUnavailableError",
        "read-only, pull": "InvalidInputError",
        "full, load": "CacheUnavailableError",
    }
    for _, message in failed.values():
        assert "Read-only file system" in message or "No space left on device" in message
    assert "PEDIGREE_HOME" in failed["full, load"][1]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may enter, which the folders of pytest are not."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="pedigree-shared-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_two_users_of_one_cache_share_its_bytes(shared: Path) -> None:
    cache = shared / "cache"
    before = os.umask(0)
    try:
        loaded(cache)
        assert as_another_user(lambda: outcome(loaded, cache)) == ["works"]
        assert as_another_user(lambda: outcome(pulled, cache, shared / "theirs")) == ["works"]
        shutil.rmtree(cache)
        assert as_another_user(lambda: outcome(loaded, cache)) == ["works"]
    finally:
        os.umask(before)
    loaded(cache)
    pulled(cache, shared / "mine")


def test_a_cache_that_another_user_may_only_read(shared: Path) -> None:
    cache = shared / "cache"
    loaded(cache)
    assert as_another_user(lambda: outcome(loaded, cache)) == ["works"]
    assert as_another_user(lambda: outcome(pulled, cache, shared / "theirs")) == ["works"]
    for path in (cache / "artifacts").rglob("model.bin"):
        path.unlink()
    kind, message = as_another_user(lambda: outcome(loaded, cache))  # type: ignore[misc]
    assert kind == "CacheUnavailableError"
    assert "Permission denied" in message
    (cache / "artifacts").chmod(0o700)
    (cache / "blobs").chmod(0o700)
    kind, _ = as_another_user(lambda: outcome(loaded, cache))  # type: ignore[misc]
    assert kind == "CacheUnavailableError"
    assert as_another_user(lambda: outcome(pulled, cache, shared / "theirs 2")) == ["works"]


def test_a_stopped_process_with_the_locks_of_a_cache_holds_nobody_up(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, 2 * SIZE)
    assert read(cache, 1, source_of(1)) == blob(1)
    with (tmp_path / "trim.lock").open("ab") as trim:
        fcntl.flock(trim, fcntl.LOCK_EX)
        (only,) = (tmp_path / "blobs").iterdir()
        with only.open("rb") as evicted:
            fcntl.flock(evicted, fcntl.LOCK_EX)
            for number in (1, 2, 3):
                assert read(cache, number, source_of(number)) == blob(number)
    cache.trim()
    assert size_of(tmp_path) <= 2 * SIZE


def test_a_lock_that_a_dead_process_left_holds_nobody_up(tmp_path: Path) -> None:
    holder = (
        "import fcntl, os, sys; lock = open(sys.argv[1], 'ab');"
        " fcntl.flock(lock, fcntl.LOCK_EX); os.kill(os.getpid(), 9)"
    )
    read(BlobCache(tmp_path, SIZE), 1, source_of(1))
    subprocess.run([sys.executable, "-c", holder, tmp_path / "trim.lock"], check=False)
    assert read(BlobCache(tmp_path, SIZE), 2, source_of(2)) == blob(2)
    assert size_of(tmp_path) <= SIZE


def test_an_operation_lists_the_cache_a_fixed_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedigree.artifacts import cache as module

    trims = []
    monkeypatch.setattr(module, "evict", lambda *given: trims.append(given))
    counts = {}
    for count in (1, 40):
        many = {f"{count}-{number}": f"{number}".encode() for number in range(count)}
        trims.clear()
        load_files(BlobCache(tmp_path / str(count), LIMIT), many)
        load_files(BlobCache(tmp_path / str(count), LIMIT), many)
        counts[count] = len(trims)
    assert counts[1] == counts[40] == 1, "the second time nothing is added"
