"""The fast path answers writes as the framework does."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.artifacts.records import digest_of
from pedigree.server.fast_writes import FastWrite, FastWriteMiddleware
from tests.factories import new_version
from tests.server.conftest import Served

JSON = {"Content-Type": "application/json"}
CHANGING = {"date", "x-request-id", "etag", "content-length"}

Ways = Callable[[httpx2.Client, bytes, Mapping[str, str]], list[httpx2.Response]]


@pytest.fixture
def both_ways(monkeypatch: pytest.MonkeyPatch, version: Callable[..., int], name: str) -> Ways:
    """Send a registration of known bytes on the fast path, and again through the framework."""
    version()
    find, answer = FastWriteMiddleware._find, FastWrite.answer
    fast: list[str] = []

    async def counted(self: FastWrite, *arguments: Any) -> Any:
        fast.append(self.route.path)
        return await answer(self, *arguments)

    monkeypatch.setattr(FastWrite, "answer", counted)

    def send(
        client: httpx2.Client, content: bytes, headers: Mapping[str, str]
    ) -> list[httpx2.Response]:
        answers = []
        for way in (find, lambda *_: None):
            monkeypatch.setattr(FastWriteMiddleware, "_find", way)
            answers.append(
                client.post(f"/models/{name}/versions", content=content, headers=headers)
            )
        assert len(fast) == 1
        return answers

    return send


def document(**changes: Any) -> dict[str, Any]:
    file = {"path": "model.bin", "size": 7, "digest": digest_of(b"weights")}
    metadata = new_version().metadata.model_dump(mode="json", exclude_none=True)
    return {"files": [file], "version": {"metadata": {**metadata, **changes}}}


def comparable(answer: httpx2.Response) -> tuple[int, dict[str, str], Any]:
    headers = {name: value for name, value in answer.headers.items() if name not in CHANGING}
    return answer.status_code, headers, answer.json() if answer.status_code >= 400 else None


DOCUMENT = document()
BODIES: dict[str, tuple[bytes, int]] = {
    "valid": (json.dumps(DOCUMENT).encode(), 200),
    "a field twice": (json.dumps(DOCUMENT).encode()[:-1] + b', "upload_id": null}', 200),
    "no JSON": (b'{"files": [', 400),
    "nothing": (b"", 400),
    "a list": (b"[]", 400),
    "not UTF-8": (b'{"files": "\xff"}', 422),
    "an unknown field": (json.dumps({**DOCUMENT, "more": 1}).encode(), 400),
    "a missing field": (json.dumps({"version": DOCUMENT["version"]}).encode(), 400),
    "a number as a text": (json.dumps(document(metrics={"auc": "0.9"})).encode(), 200),
    "no number": (json.dumps(document(metrics={"auc": "high"})).encode(), 400),
    "not finite": (json.dumps(document(metrics={"auc": float("nan")})).encode(), 422),
    "half a character": (json.dumps(document(description="\ud800")).encode(), 422),
    "NUL": (json.dumps(document(tags={"team": "a\0"})).encode(), 422),
    "too deep": (b'{"files": ' + b"[" * 5000 + b"]" * 5000 + b"}", 422),
    "a long integer": (b'{"files": ' + b"9" * 5000 + b"}", 422),
    "unknown bytes": (
        json.dumps(
            {**DOCUMENT, "files": [{"path": "a", "size": 1, "digest": digest_of(b"?")}]}
        ).encode(),
        409,
    ),
}


@pytest.mark.parametrize("what", BODIES)
def test_both_paths_answer_a_document_alike(
    admin: httpx2.Client, both_ways: Ways, what: str
) -> None:
    content, status = BODIES[what]
    straight, ordinary = both_ways(admin, content, JSON)
    assert straight.status_code == status
    assert comparable(straight) == comparable(ordinary)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({}, 415),
        ({"Content-Type": "application/merge-patch+json"}, 200),
        ({**JSON, "Idempotency-Key": "k"}, 200),
        ({**JSON, "Authorization": "Bearer pdg_nobody"}, 401),
    ],
)
def test_both_paths_answer_a_head_alike(
    admin: httpx2.Client, both_ways: Ways, headers: Mapping[str, str], status: int
) -> None:
    content = json.dumps(DOCUMENT).encode()
    straight, ordinary = both_ways(admin, content, headers)
    assert straight.status_code == status
    replayed = ordinary.headers.pop("Idempotency-Replayed", None)
    assert (replayed == "true") == ("Idempotency-Key" in headers)
    assert comparable(straight) == comparable(ordinary)


def test_a_key_that_no_header_may_have_goes_through_the_framework(
    admin: httpx2.Client, name: str
) -> None:
    headers = {**JSON, "Idempotency-Key": "k" * 300}
    answer = admin.post(f"/models/{name}/versions", json=DOCUMENT, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "idempotency-key")


def test_a_reader_may_not_register_on_the_fast_path(served: Served, both_ways: Ways) -> None:
    reader = served.client(Role.READER)
    straight, ordinary = both_ways(reader, json.dumps(DOCUMENT).encode(), JSON)
    assert straight.status_code == 403
    assert comparable(straight) == comparable(ordinary)


def test_an_unexpected_error_is_answered_once(
    admin: httpx2.Client, both_ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def crash(*_: Any, **__: Any) -> None:
        calls.append(uuid4())
        raise KeyError("secret")

    monkeypatch.setattr("pedigree.registry.registration.list_files", crash)
    # The server ends the connection of such a request.
    headers = {**JSON, "Connection": "close"}
    straight, ordinary = both_ways(admin, json.dumps(DOCUMENT).encode(), headers)
    assert straight.status_code == 500
    assert "secret" not in straight.text
    assert comparable(straight) == comparable(ordinary)
    assert len(calls) == 2
