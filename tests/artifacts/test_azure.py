"""The contract of a store against Azurite, by which `az://` is one too."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from obstore.store import AzureStore

from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.pull import verify
from pedigree.artifacts.records import Tier, digest_of
from pedigree.errors import CorruptionError, StoreUnavailableError
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from tests.artifacts.probes import RemoteProbe, contents, flip_a_bit
from tests.artifacts.publishing import (
    blob_keys,
    expire_leases,
    keys_of,
    publish_and_seal,
    pull_to,
    rows_left,
    sweep_expired,
)
from tests.artifacts.servers.sharing import BUCKET, SharedServer
from tests.factories import register
from tests.maintenance.collecting import collect, require_sound

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("azure")]

INSTALLED = Path(__file__).parents[2] / ".azurite" / ".installed"
KEY = "blobs/sha256/ab/abcd/one"


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """How the environment says where Azurite is."""
    if not INSTALLED.exists():
        pytest.skip("Azurite is not installed: `make azurite` installs it, if there is npm")
    folder = tmp_path_factory.mktemp("azurite")
    with closing(SharedServer("azurite", Path(sys.executable), folder)) as server:
        yield server.announced()


@pytest.fixture
def probe(
    azurite: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> RemoteProbe:
    """An empty store below a prefix of its own."""
    for name, value in azurite.items():
        monkeypatch.setenv(name, value)
    url = f"az://{BUCKET}/{uuid4().hex}"
    return RemoteProbe(open_store(url, tmp_path), AzureStore.from_url(url))


@pytest.fixture
def store(probe: RemoteProbe) -> ObjectStore:
    return probe.store


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_an_object_comes_back_as_it_was_put(size: int, store: ObjectStore) -> None:
    content = os.urandom(size)
    store.put(KEY, content)
    assert b"".join(store.stream(KEY)) == content
    assert store.size(KEY) == size
    assert store.location(KEY) == f"{store.url}/{KEY}"


def test_an_object_of_many_parts_is_read_from_anywhere_and_copied(store: ObjectStore) -> None:
    content = os.urandom(20_000_000)
    store.put_parts(KEY, iter([content[:7_000_000], content[7_000_000:]]), 8 << 20)
    assert b"".join(store.stream(KEY, start=9_000_000)) == content[9_000_000:]
    store.copy(KEY, "copy", Tier.ARCHIVE, digest=digest_of(content))
    assert b"".join(store.stream("copy")) == content


def test_a_missing_object_is_an_error_on_read_and_ignored_on_delete(store: ObjectStore) -> None:
    assert store.size("absent") is None
    with pytest.raises(CorruptionError, match="missing from the store"):
        b"".join(store.stream("absent"))
    for key in ("one", "two", "three"):
        store.put(key, b"x")
    store.delete(["absent", "one", "absent too", "two"])
    assert [store.size(key) for key in ("one", "two", "three")] == [None, None, 1]
    store.delete([])


def test_anybody_reads_by_a_signed_url(store: ObjectStore) -> None:
    store.put(KEY, b"weights")
    (url,) = store.sign([KEY], timedelta(hours=1))
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"weights"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url.replace("sig=", "sig=0"))
    assert refused.value.code == 403
    refused.value.close()


def test_a_container_that_is_not_there_is_unavailable(store: ObjectStore, tmp_path: Path) -> None:
    absent = open_store("az://no-such-container/prefix", tmp_path)
    with pytest.raises(StoreUnavailableError, match="az://no-such-container/prefix failed"):
        absent.put(KEY, b"x")


def test_a_published_artifact_is_pulled_and_damage_is_detected(
    probe: RemoteProbe, database: Database, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    files = {"model.bin": os.urandom(11_000_003), "sub/größe.json": b"{}", "empty": b""}
    manifest = publish_and_seal(database, probe.store, make_folder(files))
    pulled = pull_to(database, probe.store, manifest, tmp_path / "pulled")
    assert contents(pulled) == files
    assert probe.keys() == set(blob_keys(database).values())
    for key in blob_keys(database).values():
        if probe.store.size(key):
            flip_a_bit(probe, key)
    with pytest.raises(CorruptionError):
        verify(probe.store, manifest, keys_of(database, manifest))


def test_an_upload_that_breaks_off_leaves_nothing(
    probe: RemoteProbe, database: Database, make_folder: Callable[..., Path]
) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(9_000_000)
        raise OSError("the disk")

    with pytest.raises(StoreUnavailableError):
        probe.store.put_parts(KEY, broken(), 8 << 20)
    assert probe.keys() == set()
    publish_and_seal(database, probe.store, make_folder({"a": b"x"}))
    expire_leases(database)
    sweep_expired(database, probe.store, settle=timedelta(0))
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_a_registry_on_it_registers_loads_collects_and_is_sound(
    impatient: Registry, store: ObjectStore, tmp_path: Path
) -> None:
    registry = Registry(impatient.database, store, impatient.settings)
    kept, gone = (register(registry, tmp_path, content) for content in ("kept", "gone"))
    folder = registry.load(kept)
    assert isinstance(folder, Path)
    assert (folder / "model.bin").read_text() == "kept"
    registry.delete(gone, reason="a mistake")
    collect(registry)
    require_sound(registry)
    assert len(store.keys("blobs/", limit=9)) == 1
