"""A fault of a store is a typed error without partial writes, and the retry works."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from pedigree.artifacts import _remote_client
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.options import StoreOptions
from pedigree.artifacts.publish import publish
from pedigree.artifacts.records import Tier, digest_of
from pedigree.errors import CorruptionError, ObjectArchivedError, StoreUnavailableError
from pedigree.postgres.database import Database
from tests.artifacts.probes import contents
from tests.artifacts.publishing import (
    SIGNATURE,
    blob_keys,
    expire_leases,
    incomplete_blobs,
    keys_of,
    publish_and_seal,
    pull_to,
    rows_left,
    sweep_expired,
)
from tests.artifacts.servers.faulty import Fault, FaultyProxy
from tests.artifacts.servers.sharing import BUCKET

pytestmark = pytest.mark.system

Make = Callable[[Mapping[str, bytes]], Path]
FILES = {"large": os.urandom(11_000_003), "small": b"{}"}


@pytest.fixture(autouse=True)
def _few_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client retries only once, so that a lasting fault is reported soon."""
    few = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}
    monkeypatch.setattr(_remote_client, "_RETRY", few)


@pytest.fixture(params=["swift", "ceph"])
def proxy(
    request: pytest.FixtureRequest, server_credentials: Callable[[str], StoreCredentials]
) -> Iterator[FaultyProxy]:
    credentials = server_credentials(request.param)
    assert credentials.endpoint_url
    with FaultyProxy(credentials.endpoint_url) as running:
        running.credentials = credentials.model_copy(  # type: ignore[attr-defined]
            update={"endpoint_url": running.endpoint}
        )
        yield running


def store_through(proxy: FaultyProxy, **options: str) -> ObjectStore:
    url = f"s3://{BUCKET}/{uuid4().hex}"
    credentials = proxy.credentials  # type: ignore[attr-defined]
    return open_store(url, Path("unused"), credentials, StoreOptions(**options))


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.LOST_REPLY, Fault.RESET])
def test_a_publish_that_fails_leaves_nothing_live_and_its_retry_works(
    fault: Fault, proxy: FaultyProxy, database: Database, make_folder: Make
) -> None:
    store, folder = store_through(proxy), make_folder(FILES)
    proxy.break_all(fault, "PUT", "POST")
    with pytest.raises(StoreUnavailableError):
        publish(database, store, folder, "generic", SIGNATURE)
    assert blob_keys(database) == {}
    proxy.mend()
    publish_and_seal(database, store, folder)
    assert incomplete_blobs(database, store) == []
    expire_leases(database)
    sweep_expired(database, store, settle=timedelta(0))
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.LOST_REPLY])
def test_a_fault_that_passes_is_not_noticed(
    fault: Fault, proxy: FaultyProxy, database: Database, make_folder: Make, tmp_path: Path
) -> None:
    store = store_through(proxy)
    seen: set[tuple[str, str]] = set()

    def once(request: object) -> Fault | None:
        key = (getattr(request, "method", ""), getattr(request, "path", ""))
        if key in seen or key[0] == "POST":
            return None
        seen.add(key)
        return fault

    proxy.fault = once
    manifest = publish_and_seal(database, store, make_folder(FILES))
    assert contents(pull_to(database, store, manifest, tmp_path / "pulled")) == FILES


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.BUSY, StoreUnavailableError),
        (Fault.RESET, StoreUnavailableError),
        (Fault.WRONG_BYTES, CorruptionError),
        (Fault.ARCHIVED, ObjectArchivedError),
    ],
)
def test_a_pull_that_fails_leaves_no_file_under_its_name_and_the_next_goes_on(
    fault: Fault,
    error: type[Exception],
    proxy: FaultyProxy,
    database: Database,
    make_folder: Make,
    tmp_path: Path,
) -> None:
    store, target = store_through(proxy), tmp_path / "pulled"
    manifest = publish_and_seal(database, store, make_folder(FILES))
    proxy.break_all(fault, "GET")
    with pytest.raises(error):
        pull_to(database, store, manifest, target)
    assert not (target / "large").exists()
    assert not (target / "small").exists()
    proxy.mend()
    proxy.requests.clear()
    assert contents(pull_to(database, store, manifest, target)) == FILES
    if fault is Fault.RESET:
        key = keys_of(database, manifest)[digest_of(FILES["large"])]
        asked = [one.headers for one in proxy.requests if key in one.path]
        assert "range" in asked[0], "what was fetched is not fetched again"


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.LOST_REPLY])
def test_a_removal_that_fails_is_done_by_the_next_sweep(
    fault: Fault, proxy: FaultyProxy, database: Database, make_folder: Make
) -> None:
    store = store_through(proxy)
    publication = publish(database, store, make_folder(FILES), "generic", SIGNATURE)
    expire_leases(database)
    proxy.break_all(fault, "POST", "DELETE")
    with pytest.raises(StoreUnavailableError):
        sweep_expired(database, store)
    assert rows_left(database) == {"uploads": 0, "orphans": 3}
    proxy.mend()
    sweep_expired(database, store, settle=timedelta(0))
    assert [store.size(blob.key) for blob in publication.stored] == [None, None]
    assert rows_left(database) == {"uploads": 0, "orphans": 0}


def test_encryption_and_storage_class_are_asked_for_with_every_object(proxy: FaultyProxy) -> None:
    store = store_through(
        proxy, encryption="aws:kms", kms_key_id="key-1", storage_class="STANDARD_IA"
    )
    with suppress(StoreUnavailableError):  # these servers have no such keys and classes
        store.put("key", b"x")
    headers = proxy.requests[0].headers
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
    assert headers["x-amz-storage-class"] == "STANDARD_IA"


@pytest.mark.parametrize("content", [b"x", FILES["large"]], ids=["small", "large"])
def test_an_archived_object_is_written_in_the_archive_class(
    content: bytes, proxy: FaultyProxy
) -> None:
    store = store_through(proxy, archive_class="GLACIER_IR", encryption="AES256")
    proxy.fault = lambda request: Fault.BUSY if "x-amz-storage-class" in request.headers else None
    plain = open_store(store.url, Path("unused"), proxy.credentials)  # type: ignore[attr-defined]
    plain.put("key", content)
    with pytest.raises(StoreUnavailableError):
        store.copy("key", "copy", Tier.ARCHIVE, digest=digest_of(content))
    asked = [one.headers for one in proxy.requests if "x-amz-storage-class" in one.headers]
    assert {headers["x-amz-storage-class"] for headers in asked} == {"GLACIER_IR"}
    assert {headers["x-amz-server-side-encryption"] for headers in asked} == {"AES256"}
