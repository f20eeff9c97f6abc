"""The lock of an object is what the store says, and unknown if it does not say."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.object_lock import ObjectLock, object_lock
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.options import StoreOptions

UNTIL = "2036-01-01T00:00:00Z"


class AnsweringS3:
    """A server that answers every read with the same status and headers."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.headers: dict[str, str] = {}


@pytest.fixture
def s3() -> Iterator[AnsweringS3]:
    answering = AnsweringS3()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answering.status)
            for name, value in answering.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        answering.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield answering
        server.shutdown()
        thread.join()


@pytest.fixture
def store(s3: AnsweringS3, tmp_path: Path) -> ObjectStore:
    credentials = StoreCredentials(
        endpoint_url=s3.url, region="us-east-1", access_key_id="a", secret_access_key="b"
    )
    return open_store("s3://bucket/prefix", tmp_path, credentials, StoreOptions())


def test_a_lock_is_that_of_the_answer(s3: AnsweringS3, store: ObjectStore) -> None:
    for mode in ("COMPLIANCE", "GOVERNANCE"):
        s3.headers = {
            "x-amz-object-lock-mode": mode,
            "x-amz-object-lock-retain-until-date": UNTIL,
        }
        until = datetime(2036, 1, 1, tzinfo=UTC)
        assert object_lock(store, "log/1/2") == ObjectLock(mode=mode, until=until, is_known=True)


def test_an_answer_without_a_lock_leaves_it_unknown(s3: AnsweringS3, store: ObjectStore) -> None:
    assert "no lock, or we may not read it" in (object_lock(store, "log/1/2").reason or "")
    s3.headers = {"x-amz-object-lock-mode": "COMPLIANCE"}
    assert "names no time" in (object_lock(store, "log/1/2").reason or "")
    s3.status = 403
    assert "status 403" in (object_lock(store, "log/1/2").reason or "")


def test_a_store_that_does_not_answer_leaves_it_unknown(tmp_path: Path) -> None:
    credentials = StoreCredentials(
        endpoint_url="http://127.0.0.1:1", access_key_id="a", secret_access_key="b"
    )
    gone = open_store("s3://bucket/prefix", tmp_path, credentials, StoreOptions())
    assert object_lock(gone, "log/1/2").reason == "the store does not answer"


def test_a_folder_has_no_locks_and_others_than_s3_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert object_lock(open_store(None, tmp_path), "log/1/2") == ObjectLock(is_known=True)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    azure = open_store("az://container/prefix", tmp_path)
    assert not object_lock(azure, "log/1/2").is_known
