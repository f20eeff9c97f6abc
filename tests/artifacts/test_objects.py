import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.errors import CorruptionError, InvalidInputError, StoreUnavailableError
from tests.artifacts.probes import LocalProbe
from tests.artifacts.servers.sharing import BUCKET, as_environment
from tests.artifacts.servers.waiting import free_ports

KEY = "blobs/sha256/ab/abcd/one"


def read(store: ObjectStore, key: str) -> bytes:
    return b"".join(store.stream(key))


@pytest.mark.contract
@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_an_object_comes_back_as_it_was_put(store: ObjectStore, size: int) -> None:
    content = os.urandom(size)
    store.put(KEY, content)
    assert read(store, KEY) == content
    assert store.size(KEY) == size


@pytest.mark.contract
def test_an_object_that_is_not_there_has_no_size_and_cannot_be_read(store: ObjectStore) -> None:
    assert store.size(KEY) is None
    with pytest.raises(CorruptionError, match=f"{KEY} is missing from the store"):
        read(store, KEY)


@pytest.mark.contract
def test_an_object_is_created_once_and_stays(store: ObjectStore) -> None:
    assert store.create(KEY, b"first")
    assert not store.create(KEY, b"second")
    assert read(store, KEY) == b"first"
    assert [key for key, _ in store.sizes("uploads/")] == []


@pytest.mark.contract
def test_deleting_removes_existing_objects_and_ignores_the_rest(store: ObjectStore) -> None:
    store.put(KEY, b"one")
    store.put(f"{KEY}-2", b"two")
    store.delete([KEY, "blobs/sha256/ff/never/there", "uploads/never-there"])
    store.delete([KEY])
    store.delete([])
    assert store.size(KEY) is None
    assert read(store, f"{KEY}-2") == b"two"


@pytest.mark.contract
def test_the_sizes_of_objects_are_listed_in_the_order_of_their_keys(store: ObjectStore) -> None:
    # A file and folders whose names differ after their beginning, on both sides of the slash.
    names = ("a/b", "a-b/c", "a.b", "a/a/c", "a0", "b", "\N{LATIN SMALL LETTER U WITH DIAERESIS}")
    for size, name in enumerate(names):
        store.put(f"blobs/{name}", b"x" * size)
    store.put("uploads/other", b"x")
    expected = sorted((f"blobs/{name}", size) for size, name in enumerate(names))
    assert list(store.sizes("blobs/")) == expected
    assert list(store.sizes("nothing/")) == []


@pytest.mark.contract
def test_a_location_names_the_object(store: ObjectStore) -> None:
    assert store.location(KEY).endswith(KEY)
    assert store.location(KEY).startswith(("/", f"s3://{BUCKET}/"))


def test_the_default_store_is_a_folder_at_home_that_opening_does_not_make(home: Path) -> None:
    store = open_store(None, home)
    assert store.url == (home / "objects").as_uri()
    assert not home.exists()
    store.put(KEY, b"x")
    assert (home / "objects" / KEY).read_bytes() == b"x"


def test_a_folder_is_named_by_a_url_with_escapes(tmp_path: Path) -> None:
    store = open_store((tmp_path / "a b ü").as_uri(), tmp_path / "home")
    store.put(KEY, b"x")
    assert (tmp_path / "a b ü" / KEY).exists()


@pytest.mark.parametrize(
    "url", ["/plain/path", "ftp://host/x", "file://elsewhere/x", "file:///", "s3://", "s3:bucket"]
)
def test_a_url_that_is_not_a_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"store_url: .*s3://bucket/prefix"):
        open_store(url, tmp_path)


@pytest.mark.parametrize("url", ["gs://bucket/prefix", "az://container/prefix"])
def test_other_clouds_open_by_url(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert open_store(url, tmp_path).location("key") == f"{url}/key"


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    credentials = StoreCredentials(
        endpoint_url=f"http://127.0.0.1:{port}", region="us-east-1",
        access_key_id="id", secret_access_key=SecretStr("very-secret"),
    )  # fmt: skip
    store = open_store("s3://bucket", tmp_path, credentials)
    with pytest.raises(StoreUnavailableError, match=r"the object store s3://bucket failed"):
        store.put(KEY, b"x")


@pytest.mark.contract
@pytest.mark.parametrize("kind", ["swift", "ceph"])
def test_a_refused_request_has_the_reason_and_no_secrets(
    kind: str, tmp_path: Path, server_credentials: Callable[[str], StoreCredentials]
) -> None:
    good = server_credentials(kind)
    wrong = good.model_copy(update={"secret_access_key": SecretStr("wrong-secret")})
    store = open_store(f"s3://{BUCKET}", tmp_path, wrong)
    with pytest.raises(StoreUnavailableError, match=r"SignatureDoesNotMatch") as caught:
        store.put(KEY, b"x")
    assert good.access_key_id
    text = f"{caught.value}{caught.value.__cause__}"
    assert not [secret for secret in ("wrong-secret", good.access_key_id) if secret in text]
    missing = open_store(f"s3://{uuid4().hex}/prefix", tmp_path, good)
    with pytest.raises(StoreUnavailableError, match="NoSuchBucket"):
        missing.put(KEY, b"x")


@pytest.mark.system
def test_credentials_come_from_a_provider(
    tmp_path: Path, server_credentials: Callable[[str], StoreCredentials]
) -> None:
    good = server_credentials("ceph")
    assert good.secret_access_key
    asked = []

    def provide() -> dict[str, str | None]:
        asked.append(1)
        assert good.access_key_id
        assert good.secret_access_key
        return {
            "access_key_id": good.access_key_id,
            "secret_access_key": good.secret_access_key.get_secret_value(),
            "token": None,
            "expires_at": None,
        }

    given = StoreCredentials(endpoint_url=good.endpoint_url, region=good.region, provider=provide)
    store = open_store(f"s3://{BUCKET}/{uuid4().hex}", tmp_path, given)
    store.put(KEY, b"x")
    assert read(store, KEY) == b"x"
    assert asked


@pytest.mark.system
def test_credentials_come_from_a_boto3_session(
    tmp_path: Path, server_credentials: Callable[[str], StoreCredentials]
) -> None:
    import boto3

    good = server_credentials("ceph")
    assert good.secret_access_key
    session = boto3.Session(
        aws_access_key_id=good.access_key_id,
        aws_secret_access_key=good.secret_access_key.get_secret_value(),
        region_name=good.region,
    )
    given = StoreCredentials.from_boto3(session, endpoint_url=good.endpoint_url)
    store = open_store(f"s3://{BUCKET}/{uuid4().hex}", tmp_path, given)
    store.put(KEY, b"x")
    assert read(store, KEY) == b"x"


@pytest.mark.system
def test_credentials_come_from_the_environment(
    tmp_path: Path,
    server_credentials: Callable[[str], StoreCredentials],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in as_environment(server_credentials("ceph")).items():
        monkeypatch.setenv(name, value)
    store = open_store(f"s3://{BUCKET}/{uuid4().hex}", tmp_path)
    store.put(KEY, b"x")
    assert read(store, KEY) == b"x"


def test_credentials_show_no_secret() -> None:
    credentials = StoreCredentials(secret_access_key=SecretStr("hush"))
    assert "hush" not in f"{credentials!r}{credentials}"


def test_the_local_store_never_writes_a_key_twice(local_probe: LocalProbe) -> None:
    local_probe.store.put(KEY, b"first")
    with pytest.raises(StoreUnavailableError, match="File exists"):
        local_probe.store.put(KEY, b"second")
    assert read(local_probe.store, KEY) == b"first"


def test_the_local_store_syncs_the_file_and_the_folders_that_name_it(
    local_probe: LocalProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor))
        real_fsync(descriptor)

    real_fsync = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    local_probe.store.put(KEY, b"first")
    path = tmp_path / "store" / KEY
    assert synced[0].st_ino == path.stat().st_ino, "the bytes come first"
    folders = {status.st_ino for status in synced if stat.S_ISDIR(status.st_mode)}
    assert folders >= {folder.stat().st_ino for folder in path.parents[:6]}
    synced.clear()
    local_probe.store.put("blobs/sha256/ab/abef/two", b"second")
    assert len(synced) == 3, "what is known to be durable is not synced again"


def test_a_key_without_a_folder_is_in_the_store_s_own(local_probe: LocalProbe) -> None:
    local_probe.store.put("alone", b"first")
    assert read(local_probe.store, "alone") == b"first"


def test_a_put_succeeds_while_others_remove_the_same_folder(local_probe: LocalProbe) -> None:
    def put_and_delete(turn: int) -> None:
        for number in range(50):
            key = f"blobs/sha256/ab/abcd/{turn}-{number}"
            local_probe.store.put(key, b"x")
            assert read(local_probe.store, key) == b"x"
            local_probe.store.delete([key])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put_and_delete, range(4)))
    assert local_probe.keys() == set()


def test_a_full_or_forbidden_disk_is_an_unavailable_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = open_store((tmp_path / "file" / "store").as_uri(), tmp_path)
    with pytest.raises(StoreUnavailableError, match="Not a directory"):
        store.put(KEY, b"x")
