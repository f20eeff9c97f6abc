import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.artifacts.blob_upload import put_blob
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import open_store
from pedigree.artifacts.publish import discard, publish
from pedigree.artifacts.pull import read_blob
from pedigree.artifacts.records import digest_of
from pedigree.artifacts.store import get_manifest, seal
from pedigree.errors import (
    CorruptionError,
    InvalidArtifactError,
    NotFoundError,
    StoreUnavailableError,
)
from pedigree.postgres.database import Database
from tests.artifacts.probes import LocalProbe, Probe, contents
from tests.artifacts.publishing import (
    SIGNATURE,
    blob_keys,
    forget_bytes,
    publish_and_seal,
    pull_to,
    rows_left,
)
from tests.artifacts.servers.sharing import BUCKET, as_environment

Make = Callable[[Mapping[str, bytes]], Path]
NOTHING_LEFT = {"uploads": 0, "orphans": 0}

# Enough for several parts of a multipart upload, and not a multiple of any chunk.
LARGE = 11_000_003


@pytest.mark.contract
def test_what_was_published_is_pulled_again(
    database: Database, probe: Probe, make_folder: Make, tmp_path: Path
) -> None:
    files = {"model.bin": b"weights", "sub/info.json": b"{}", "sub/same": b"weights", "empty": b""}
    manifest = publish_and_seal(database, probe.store, make_folder(files))
    assert contents(pull_to(database, probe.store, manifest, tmp_path / "pulled")) == files
    assert [file.path for file in manifest.files] == sorted(files)
    assert database.transaction(lambda tx: get_manifest(tx, manifest.digest)) == manifest
    assert probe.keys() == set(blob_keys(database).values()), "equal files are stored once"
    assert len(probe.keys()) == 3
    assert rows_left(database) == NOTHING_LEFT


@pytest.mark.contract
def test_a_large_file_is_streamed(
    database: Database, probe: Probe, make_folder: Make, tmp_path: Path
) -> None:
    files = {"large": os.urandom(LARGE), "empty": b""}
    manifest = publish_and_seal(database, probe.store, make_folder(files))
    assert contents(pull_to(database, probe.store, manifest, tmp_path / "pulled")) == files
    assert manifest.size == LARGE
    assert len(probe.keys()) == 2, "no staging file and no part is left"


def test_live_bytes_are_not_stored_again(
    database: Database, probe: Probe, make_folder: Make
) -> None:
    first = publish_and_seal(database, probe.store, make_folder({"a": b"shared", "b": b"one"}))
    known = probe.keys()
    again = publish_and_seal(database, probe.store, make_folder({"a": b"shared", "b": b"one"}))
    assert (again, probe.keys()) == (first, known)
    publish_and_seal(database, probe.store, make_folder({"c": b"shared", "d": b"new"}))
    assert len(probe.keys() - known) == 1
    assert rows_left(database) == NOTHING_LEFT


def test_the_row_of_an_upload_precedes_its_bytes_and_outlives_a_crash(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    publish(database, local_probe.store, make_folder({"a": b"x"}), "generic", SIGNATURE)
    (row,) = database.fetch_all(
        "SELECT *, lease_until > clock_timestamp() AS leased FROM pedigree.upload"
    )
    assert row["digests"] == [digest_of(b"x")]
    assert row["leased"]
    (key,) = local_probe.keys()
    assert key.endswith(f"/{row['upload_id']}")
    assert blob_keys(database) == {}, "nothing is live before it is sealed"


@pytest.mark.contract
def test_an_abandoned_publication_leaves_nothing(
    database: Database, probe: Probe, make_folder: Make
) -> None:
    kept = publish_and_seal(database, probe.store, make_folder({"a": b"kept"}))
    folder = make_folder({"a": b"kept", "b": b"given up"})
    publication = publish(database, probe.store, folder, "generic", SIGNATURE)
    discard(database, probe.store, publication)
    assert probe.keys() == {blob_keys(database)[file.digest] for file in kept.files}
    assert rows_left(database) == NOTHING_LEFT


def test_a_store_that_fails_midway_leaves_nothing(
    database: Database, local_probe: LocalProbe, make_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({f"file-{number}": os.urandom(100) for number in range(10)})
    let_the_disk_be_full(monkeypatch, calls=15)
    with pytest.raises(StoreUnavailableError, match="No space left"):
        publish(database, local_probe.store, folder, "generic", SIGNATURE)
    monkeypatch.undo()
    assert local_probe.keys() == set()
    assert rows_left(database) == NOTHING_LEFT
    publish_and_seal(database, local_probe.store, folder)


def let_the_disk_be_full(monkeypatch: pytest.MonkeyPatch, *, calls: int) -> None:
    """Make the disk full after a number of syncs."""
    real_fsync, left = os.fsync, iter(range(calls))

    def fsync(descriptor: int) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_refused_path_writes_nothing(
    database: Database, local_probe: LocalProbe, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArtifactError):
        publish(database, local_probe.store, tmp_path / "missing", "generic", SIGNATURE)
    assert rows_left(database) == NOTHING_LEFT
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("probe", ["swift", "ceph"], indirect=True)  # a folder reads once
def test_a_file_that_gives_other_bytes_the_second_time_is_an_error(
    database: Database, probe: Probe, make_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last byte changes after the file was hashed; size and time of change are put back."""
    folder = make_folder({"large": bytes(LARGE), "small": b"x"})
    transaction = Database.transaction

    def run(self: Database, work: Callable[..., object]) -> object:
        status = (folder / "large").stat()
        with (folder / "large").open("r+b") as file:
            file.seek(LARGE - 1)
            file.write(b"\1")
        os.utime(folder / "large", ns=(status.st_atime_ns, status.st_mtime_ns))
        return transaction(self, work)

    monkeypatch.setattr(Database, "transaction", run)
    with pytest.raises(CorruptionError, match=r"other bytes at the second read.*large"):
        publish(database, probe.store, folder, "generic", SIGNATURE)
    monkeypatch.undo()
    assert probe.keys() == set()
    assert rows_left(database) == NOTHING_LEFT


def test_a_file_that_is_truncated_while_it_is_uploaded_is_an_error(
    database: Database, probe: Probe, make_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"large": bytes(LARGE)})
    transaction = Database.transaction

    def run(self: Database, work: Callable[..., object]) -> object:
        os.truncate(folder / "large", 1000)
        return transaction(self, work)

    monkeypatch.setattr(Database, "transaction", run)
    with pytest.raises(InvalidArtifactError, match="changed during the publication"):
        publish(database, probe.store, folder, "generic", SIGNATURE)
    monkeypatch.undo()
    assert probe.keys() == set()
    assert rows_left(database) == NOTHING_LEFT


def test_the_same_bytes_from_eight_threads_become_one_blob_a_digest(
    database: Database, probe: Probe, make_folder: Make, tmp_path: Path
) -> None:
    files = {f"file-{number}": os.urandom(1000) for number in range(4)}
    folder = make_folder(files)
    with ThreadPoolExecutor(8) as pool:
        manifests = list(
            pool.map(lambda _: publish_and_seal(database, probe.store, folder), range(8))
        )
    assert len(set(manifests)) == 1
    assert set(blob_keys(database)) == {digest_of(content) for content in files.values()}
    assert rows_left(database)["uploads"] == 0
    orphans = {row["key"] for row in database.fetch_all("SELECT key FROM pedigree.orphan")}
    assert probe.keys() == set(blob_keys(database).values()) | orphans
    assert contents(pull_to(database, probe.store, manifests[0], tmp_path / "pulled")) == files


def test_the_same_bytes_from_eight_processes_become_one_blob_a_digest(
    database_url: str,
    database: Database,
    local_probe: LocalProbe,
    make_folder: Make,
    tmp_path: Path,
) -> None:
    folder = make_folder({"model": b"weights", "info": b"{}"})
    command = [
        *(sys.executable, "-m", "tests.artifacts.publish_once"),
        *(database_url, local_probe.store.url, str(folder), str(tmp_path)),
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(8)]
    digests = {process.communicate()[0].split()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 8
    assert len(digests) == 1
    assert len(blob_keys(database)) == 2


@pytest.mark.contract
def test_a_blob_is_put_once_and_read_back(database: Database, probe: Probe) -> None:
    digest = put_blob(database, probe.store, b"# card")
    assert put_blob(database, probe.store, b"# card") == digest == digest_of(b"# card")
    assert read_blob(database, probe.store, digest) == b"# card"
    assert len(probe.keys()) == 1
    assert rows_left(database) == NOTHING_LEFT


def test_a_blob_that_was_never_put_cannot_be_read(
    database: Database, local_probe: LocalProbe
) -> None:
    with pytest.raises(CorruptionError, match="no live object has these bytes"):
        read_blob(database, local_probe.store, digest_of(b"nothing"))


def test_a_manifest_that_was_never_sealed_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError, match="no artifact has this digest"):
        database.transaction(lambda tx: get_manifest(tx, digest_of(b"nothing")))


def test_a_manifest_that_was_edited_in_the_database_is_corrupt(
    database: Database, local_probe: LocalProbe, make_folder: Make
) -> None:
    manifest = publish_and_seal(database, local_probe.store, make_folder({"a": b"x"}))
    database.transaction(
        lambda tx: tx.execute("UPDATE pedigree.artifact SET manifest = '{}'").rowcount
    )
    with pytest.raises(CorruptionError, match="does not have this digest"):
        database.transaction(lambda tx: get_manifest(tx, manifest.digest))


@pytest.mark.system
@pytest.mark.parametrize("kind", ["local", "ceph"])
def test_memory_stays_bounded_for_large_files(
    kind: str,
    database_url: str,
    database: Database,
    local_probe: LocalProbe,
    make_folder: Make,
    tmp_path: Path,
    server_credentials: Callable[[str], StoreCredentials],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = local_probe.store.url
    if kind == "ceph":
        url = f"s3://{BUCKET}/{uuid4().hex}"
        for name, value in as_environment(server_credentials(kind)).items():
            monkeypatch.setenv(name, value)
    folder = make_folder({"one": b"1", "other": b"2"})
    os.truncate(folder / "one", 150_000_000)
    os.truncate(folder / "other", 150_000_000)
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "tests.artifacts.publish_once"),
            *(database_url, url, str(folder), str(tmp_path)),
        ],
        check=True,
        capture_output=True,
    )
    assert int(answer.stdout.split()[1]) < 150, "MiB; the limit is 200 for 8 GiB"


names = st.text("ab.ü -", min_size=1, max_size=4).filter(lambda name: set(name) != {"."})
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=64), max_size=6
).filter(
    lambda tree: (
        any(tree.values())
        and not any(one != other and one.startswith(f"{other}/") for one in tree for other in tree)
    )
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=trees)
def test_every_tree_comes_back_as_it_was(tree: Mapping[str, bytes], database: Database) -> None:
    with TemporaryDirectory() as folder:
        here = Path(folder)
        for path, content in tree.items():
            (here / "source" / path).parent.mkdir(parents=True, exist_ok=True)
            (here / "source" / path).write_bytes(content)
        store = open_store(None, here / "home")
        publication = publish(database, store, here / "source", "generic", SIGNATURE)
        database.transaction(lambda transaction: seal(transaction, publication))
        pulled = pull_to(database, store, publication.manifest, here / "pulled")
        assert contents(pulled) == tree
        # The next example has a store of its own, where nothing is live.
        forget_bytes(database)
