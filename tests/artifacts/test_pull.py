import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pedigree.artifacts.blob_upload import put_blob
from pedigree.artifacts.path_rules import PULL_FOLDER
from pedigree.artifacts.pull import pull, read_blob, verify
from pedigree.artifacts.records import Digest, Manifest, ManifestFile, digest_of
from pedigree.errors import (
    CorruptionError,
    FileConflictError,
    InvalidArtifactError,
    InvalidInputError,
)
from pedigree.postgres.database import Database
from tests.artifacts.probes import LocalProbe, Probe, contents, flip_a_bit
from tests.artifacts.publishing import SIGNATURE, keys_of, publish_and_seal, pull_to

Make = Callable[[Mapping[str, bytes]], Path]
Pulled = Callable[[Path], Path]

FILES = {"model.bin": b"weights" * 1000, "sub/info.json": b"{}", "sub/deep/x": b"x"}


@pytest.fixture
def manifest(database: Database, local_probe: LocalProbe, make_folder: Make) -> Manifest:
    return publish_and_seal(database, local_probe.store, make_folder(FILES))


@pytest.fixture
def keys(database: Database, manifest: Manifest) -> dict[Digest, str]:
    return keys_of(database, manifest)


@pytest.mark.contract
def test_a_flipped_bit_is_an_error_and_leaves_no_file(
    database: Database, probe: Probe, make_folder: Make, tmp_path: Path
) -> None:
    manifest = publish_and_seal(database, probe.store, make_folder(FILES))
    keys = keys_of(database, manifest)
    verify(probe.store, manifest, keys)
    flip_a_bit(probe, keys[digest_of(FILES["model.bin"])])
    with pytest.raises(CorruptionError, match=r"bytes of 'model\.bin' in the store do not"):
        verify(probe.store, manifest, keys)
    with pytest.raises(CorruptionError, match=r"bytes of 'model\.bin' in the store do not"):
        pull(probe.store, manifest, keys, tmp_path / "pulled")
    left = contents(tmp_path / "pulled")
    assert "model.bin" not in left
    assert left.items() <= FILES.items()
    assert not (tmp_path / "pulled" / PULL_FOLDER).exists()


@pytest.mark.contract
def test_an_object_that_is_cut_short_or_gone_is_an_error(
    database: Database, probe: Probe, make_folder: Make, tmp_path: Path
) -> None:
    manifest = publish_and_seal(database, probe.store, make_folder({"model.bin": b"weights"}))
    ((_, key),) = (keys := keys_of(database, manifest)).items()
    probe.overwrite(key, b"weight")
    with pytest.raises(CorruptionError, match="do not have the digest"):
        pull(probe.store, manifest, keys, tmp_path / "pulled")
    probe.remove(key)
    with pytest.raises(CorruptionError, match="is missing from the store"):
        pull(probe.store, manifest, keys, tmp_path / "pulled")
    with pytest.raises(CorruptionError, match="is missing from the store"):
        verify(probe.store, manifest, keys)
    assert contents(tmp_path / "pulled") == {}


def test_a_damaged_blob_is_not_read(database: Database, local_probe: LocalProbe) -> None:
    digest = put_blob(database, local_probe.store, b"# card")
    (key,) = local_probe.keys()
    flip_a_bit(local_probe, key)
    with pytest.raises(CorruptionError, match="do not have the digest"):
        read_blob(database, local_probe.store, digest)


def test_files_that_are_there_and_right_are_left_alone(
    database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    target = pull_to(database, local_probe.store, manifest, tmp_path / "pulled")
    before = {path: (target / path).stat().st_ino for path in FILES}
    (target / "sub" / "deep" / "x").unlink()
    (target / "own notes").write_bytes(b"stay")
    pull_to(database, local_probe.store, manifest, target)
    assert contents(target) == {**FILES, "own notes": b"stay"}
    assert (target / "model.bin").stat().st_ino == before["model.bin"]
    assert (target / "sub" / "info.json").stat().st_ino == before["sub/info.json"]


def test_pulled_files_have_the_mode_that_the_user_gives_new_files(
    database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "plain").touch()
    target = pull_to(database, local_probe.store, manifest, tmp_path / "pulled")
    assert (target / "model.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_destination_may_be_a_link(
    database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    pull_to(database, local_probe.store, manifest, tmp_path / "link")
    assert contents(tmp_path / "real") == FILES


def test_a_link_inside_the_destination_leads_nothing_out_of_it(
    local_probe: LocalProbe, manifest: Manifest, keys: dict[Digest, str], tmp_path: Path
) -> None:
    outside, target = tmp_path / "outside", tmp_path / "pulled"
    outside.mkdir()
    target.mkdir()
    (outside / "victim").write_bytes(b"precious")
    (target / "sub").symlink_to(outside)
    with pytest.raises(InvalidInputError, match=r"destination: .*without links"):
        pull(local_probe.store, manifest, keys, target)
    (target / "sub").unlink()
    (target / "model.bin").symlink_to(outside / "victim")
    with pytest.raises(FileConflictError, match=r"model\.bin"):
        pull(local_probe.store, manifest, keys, target)
    pull(local_probe.store, manifest, keys, target, force=True)
    assert contents(outside) == {"victim": b"precious"}
    assert not (target / "model.bin").is_symlink()
    assert contents(target) == FILES


@pytest.mark.parametrize("path", ["../escaped", "/tmp/escaped", "a/../../escaped"])
def test_a_manifest_that_climbs_out_of_its_folder_is_refused(
    path: str, local_probe: LocalProbe, tmp_path: Path
) -> None:
    file = ManifestFile(path=path, size=1, digest=digest_of(b"x"))
    manifest = Manifest(flavor="generic", signature=SIGNATURE, files=(file,))
    with pytest.raises(InvalidArtifactError, match="leaves its folder"):
        pull(local_probe.store, manifest, {file.digest: "key"}, tmp_path / "a" / "b")
    assert not [*tmp_path.rglob("escaped")]


def test_a_destination_that_is_in_the_way_is_refused(
    local_probe: LocalProbe, manifest: Manifest, keys: dict[Digest, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"a file")
    with pytest.raises(InvalidInputError, match="destination: "):
        pull(local_probe.store, manifest, keys, tmp_path / "file")
    (tmp_path / "pulled" / "model.bin").mkdir(parents=True)
    with pytest.raises(FileConflictError, match=r"destination: .*model\.bin"):
        pull(local_probe.store, manifest, keys, tmp_path / "pulled")
    with pytest.raises(InvalidInputError, match="destination: "):
        pull(local_probe.store, manifest, keys, tmp_path / "pulled", force=True)


PULL_FOR_EVER = """
import sys
from pathlib import Path
from pedigree.artifacts.pull import pull
from pedigree.artifacts.records import Manifest, ManifestFile
from tests.artifacts.publishing import SIGNATURE

class Endless:
    is_local = True

    def stream(self, key, start=0):
        yield b"partial"
        print("streaming", flush=True)
        while True:
            yield b""

file = ManifestFile(path="model.bin", size=9, digest="sha256:" + "0" * 64)
manifest = Manifest(flavor="generic", signature=SIGNATURE, files=(file,))
pull(Endless(), manifest, {file.digest: "key"}, Path(sys.argv[1]))
"""


@pytest.mark.system
def test_a_killed_pull_leaves_no_partial_file_and_the_next_one_tidies(
    database: Database, local_probe: LocalProbe, manifest: Manifest, tmp_path: Path
) -> None:
    target = tmp_path / "pulled"
    running = subprocess.Popen(
        [sys.executable, "-c", PULL_FOR_EVER, target], stdout=subprocess.PIPE
    )
    assert running.stdout
    assert running.stdout.readline() == b"streaming\n"
    temporary = target / PULL_FOLDER
    assert temporary.stat().st_mode & 0o077 == 0, "nobody else may look at what is half there"
    pull_to(database, local_probe.store, manifest, target)
    assert temporary.exists(), "a pull that runs is left alone"
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert (target / "model.bin").read_bytes() == FILES["model.bin"]
    pull_to(database, local_probe.store, manifest, target)
    assert contents(target) == FILES
    assert not temporary.exists()
