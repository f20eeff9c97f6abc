"""An interrupted pull resumes from existing files, and verifies all of them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.path_rules import PULL_FOLDER
from pedigree.artifacts.pull import pull
from pedigree.artifacts.records import Manifest
from pedigree.errors import CorruptionError, StoreUnavailableError
from pedigree.postgres.database import Database
from tests.artifacts.probes import LocalProbe, Probe, contents, flip_a_bit
from tests.artifacts.publishing import keys_of, publish_and_seal, pull_to

Make = Callable[[Mapping[str, bytes]], Path]
MIB = 1 << 20
CONTENT = os.urandom(5 * MIB)


class Recording:
    """A store that says where its objects were read from, and fails after some pieces."""

    is_local = True

    def __init__(self, store: ObjectStore, *, pieces: int = 1000) -> None:
        self._store = store
        self._pieces = pieces
        self.starts: list[int] = []

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        self.starts.append(start)
        for number, chunk in enumerate(self._store.stream(key, start=start)):
            if number == self._pieces:
                raise StoreUnavailableError("the network is down")
            yield chunk


@pytest.fixture
def manifest(database: Database, local_probe: LocalProbe, make_folder: Make) -> Manifest:
    return publish_and_seal(database, local_probe.store, make_folder({"model.bin": CONTENT}))


def interrupted(database: Database, store: ObjectStore, manifest: Manifest, target: Path) -> Path:
    """Pull two mebibytes, and return the partial file."""
    with pytest.raises(StoreUnavailableError):
        pull_to(database, Recording(store, pieces=2), manifest, target)  # type: ignore[arg-type]
    assert not (target / "model.bin").exists()
    (partial,) = (target / ".pedigree-pull").iterdir()
    assert partial.stat().st_size == 2 * MIB
    return partial


def test_an_interrupted_pull_goes_on_where_it_was(
    database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    target = tmp_path / "pulled"
    interrupted(database, local_probe.store, manifest, target)
    store = Recording(local_probe.store)
    pull_to(database, store, manifest, target)  # type: ignore[arg-type]
    assert store.starts == [2 * MIB]
    assert contents(target) == {"model.bin": CONTENT}


@pytest.mark.parametrize("damage", ["flipped", "longer"])
def test_a_damaged_partial_file_is_fetched_again(
    damage: str, database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    target = tmp_path / "pulled"
    partial = interrupted(database, local_probe.store, manifest, target)
    content = bytearray(partial.read_bytes())
    content[MIB] ^= 1
    partial.write_bytes(bytes(content) if damage == "flipped" else CONTENT + b"more")
    pull_to(database, local_probe.store, manifest, target)
    assert contents(target) == {"model.bin": CONTENT}


def test_damage_in_the_store_is_detected_also_after_an_interruption(
    database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    target = tmp_path / "pulled"
    interrupted(database, local_probe.store, manifest, target)
    (key,) = keys_of(database, manifest).values()
    flip_a_bit(local_probe, key)
    with pytest.raises(CorruptionError, match="do not have the digest"):
        pull_to(database, local_probe.store, manifest, target)
    assert contents(target) == {}
    assert not (target / PULL_FOLDER).exists()


@pytest.mark.parametrize("start", [0, 1, 4 * MIB + 1])
def test_a_stream_begins_where_it_is_asked_to(
    start: int, database: Database, probe: Probe, make_folder: Make
) -> None:
    manifest = publish_and_seal(database, probe.store, make_folder({"model.bin": CONTENT}))
    (key,) = keys_of(database, manifest).values()
    assert b"".join(probe.store.stream(key, start=start)) == CONTENT[start:]


def test_every_byte_of_a_local_folder_is_read_once(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    files = {"large": CONTENT * 3, "small": b"x" * MIB}
    size = sum(map(len, files.values()))
    folder = make_folder(files)
    before = bytes_read()
    publish_and_seal(database, local_probe.store, folder)
    assert size <= bytes_read() - before < 1.1 * size


def bytes_read() -> int:
    status = Path("/proc/self/io")
    if not status.exists():
        pytest.skip("only Linux counts what a process reads")
    return int(status.read_text().split()[1])


def test_progress_counts_every_byte_once(
    database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    outcome: list[tuple[int, int]] = []
    target = tmp_path / "pulled"
    interrupted(database, local_probe.store, manifest, target)
    for _ in range(2):  # the second time all is there
        outcome.clear()
        pull(
            local_probe.store, manifest, keys_of(database, manifest), target,
            progress=lambda done, expected: outcome.append((done, expected)),
        )  # fmt: skip
        assert outcome[-1] == (len(CONTENT), len(CONTENT))
        assert [done for done, _ in outcome] == sorted(done for done, _ in outcome)


def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(
    database_url: str, make_folder: Make, tmp_path: Path
) -> None:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk in a namespace of its own")
    big, small = make_folder({"big": os.urandom(12 * MIB)}), make_folder({"small": CONTENT})
    command = [
        *("unshare", "-rm", sys.executable, "-m", "tests.artifacts.full_disk"),
        *(database_url, str(tmp_path), str(big), str(small)),
    ]
    outcome = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert outcome["publish"][0] == "StoreUnavailableError"
    assert outcome["pull"][0] == "InvalidInputError"
    assert "No space left on device" in outcome["publish"][1]
    assert "No space left on device" in outcome["pull"][1]
    assert outcome["publish"][2] == outcome["pull"][2] == []
    assert outcome["retried"] == ["small"]
