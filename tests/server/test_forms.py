"""A registration that brings its files: one request with a JSON document and the bytes."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.records import Role
from pedigree.artifacts.records import digest_of
from pedigree.contract.forms import DOCUMENT, MOST_FILES
from pedigree.server.http.forms import parse
from pedigree.server.http.inputs import UnusableRequestError
from tests.factories import new_version
from tests.server.conftest import Served

BINARY = "application/octet-stream"


def document(*contents: bytes, **fields: Any) -> dict[str, Any]:
    """A version of some files."""
    files = [
        {"path": f"part-{place}", "digest": digest_of(content), "size": len(content)}
        for place, content in enumerate(contents)
    ]
    return {"files": files, "version": new_version(**fields).model_dump(mode="json")}


def send(
    client: httpx2.Client,
    name: str,
    described: Mapping[str, Any],
    *contents: bytes,
    **headers: str,
) -> httpx2.Response:
    """Register files with some of their bytes."""
    parts = [(digest_of(content), (None, content, BINARY)) for content in contents]
    form = [(DOCUMENT, (None, json.dumps(described).encode(), "application/json")), *parts]
    return client.post(f"/models/{name}/versions", files=form, headers=headers)


def test_new_files_are_registered_and_judged_in_one_request(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    contents = (name.encode(), b"x" * (3 << 20), b"")
    key = {"Idempotency-Key": name}
    made = send(client, name, document(*contents), *contents, **key)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/api/v1/models/{name}/versions/1"
    assert client.get(f"/models/{name}/versions/1").json()["stage"] == "candidate"
    served.registry.verify(f"{name}/1")
    replayed = send(client, name, document(*contents), *contents, **key)
    assert replayed.content == made.content
    assert replayed.headers["idempotency-replayed"] == "true"
    other = send(client, name, document(*contents, run_id="other"), *contents, **key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:pedigree:error:KeyReusedError")


def test_a_refusal_lists_what_must_be_sent(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    contents = (name.encode(), f"other {name}".encode())
    refused = send(client, name, document(*contents), contents[0])
    assert refused.status_code == 409
    assert refused.json()["missing"] == [digest_of(contents[1])]
    asked = client.post(f"/models/{name}/versions", json=document(*contents))
    assert digest_of(contents[1]) in asked.json()["missing"]
    assert client.get(f"/models/{name}").status_code == 404
    assert send(client, name, document(*contents), *contents).status_code == 201


def test_sent_bytes_prove_that_the_caller_has_them(served: Served, name: str) -> None:
    secret = f"weights of {name}".encode()
    assert send(served.client(Role.CONTRIBUTOR), name, document(secret), secret).is_success
    client = served.client(Role.CONTRIBUTOR, models=(f"{name}-mine",))
    described = document(secret)
    refused = client.post(f"/models/{name}-mine/versions", json=described)
    assert refused.json()["missing"] == [digest_of(secret)]
    elsewhere = send(client, name, described, secret)
    assert elsewhere.status_code == 403
    assert send(client, f"{name}-mine", described, secret).status_code == 201
    kept = served.registry
    assert kept.get(f"{name}-mine/1").digest == kept.get(f"{name}/1").digest


def test_files_that_are_not_those_of_the_list_are_refused(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    content = name.encode()
    unlisted = send(client, name, document(content), content, b"unlisted")
    assert (unlisted.status_code, unlisted.json()["field"]) == (422, "files")
    form = {
        DOCUMENT: (None, json.dumps(document(content)).encode(), "application/json"),
        digest_of(content): (None, content[::-1], BINARY),
    }
    forged = client.post(f"/models/{name}/versions", files=form)
    assert forged.json()["type"] == "urn:pedigree:error:InvalidArtifactError"
    larger = document(content)
    larger["files"][0]["size"] += 1
    assert send(client, name, larger, content).status_code == 422
    assert client.get(f"/models/{name}").status_code == 404


def test_only_a_few_mebibytes_come_with_a_registration(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    many = tuple(bytes([each]) * (2 << 20) for each in range(3))
    refused = send(client, name, document(*many), *many)
    assert (refused.status_code, "through an upload" in refused.text) == (413, True)
    endless = (b"x" * (1 << 20) for _ in range(64))
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    unread = client.post(f"/models/{name}/versions", content=endless, headers=kind)
    assert unread.status_code == 413
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="sha256:%064x"\r\n\r\n\r\n' % each
        for each in range(MOST_FILES + 2)
    ]
    numerous = client.post(f"/models/{name}/versions", content=b"".join(parts), headers=kind)
    assert (numerous.status_code, "files at most" in numerous.text) == (413, True)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("multipart/form-data", b"--b--\r\n"),
        ("multipart/form-data; boundary=", b"--b--\r\n"),
        (f"multipart/form-data; boundary={'b' * 300}", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"no boundary"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n{}\r\n--b--\r\n"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=model.bin\r\n\r\nx\r\n--b--\r\n",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=registration\r\n\r\n{}\r\n" * 2
            + b"--b--\r\n",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=registration\r\n\r\n{}\r\n",
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X-Header: 1\r\n" * 10_000),
        ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"x" * (1 << 20)),
    ],
)
def test_what_is_no_form_is_refused(served: Served, name: str, kind: str, content: bytes) -> None:
    client = served.client(Role.CONTRIBUTOR)
    headers = {"Content-Type": kind}
    answer = client.post(f"/models/{name}/versions", content=content, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (
        400,
        "urn:pedigree:error:InvalidInputError",
    )
    assert answer.json()["field"] in ("body", "Content-Type")


def test_only_a_registration_takes_a_form(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    answer = client.post("/models", files={DOCUMENT: (None, b"{}", "application/json")})
    assert answer.status_code == 415
    described = document(name.encode())
    described["files"][0]["size"] = "many"
    wrong = send(client, name, described, name.encode())
    assert (wrong.status_code, wrong.json()["field"]) == (400, "files.0.size")


@given(st.binary(), st.sampled_from([0, 3, 17, 60, 200]), st.integers(0, 400))
def test_no_bytes_make_the_parser_fail(noise: bytes, start: int, cut: int) -> None:
    file = digest_of(b"x").encode()
    whole = (
        b'--b\r\nContent-Disposition: form-data; name="registration"\r\n\r\n{}\r\n--b\r\n'
        b'Content-Disposition: form-data; name="' + file + b'"\r\n\r\nx\r\n--b--'
    )
    body = whole[:start] + noise + whole[start : max(start, cut)]
    with suppress(UnusableRequestError):
        form = parse("multipart/form-data; boundary=b", body)
        assert len(form.document) + sum(map(len, form.files.values())) <= len(body)


@given(st.lists(st.binary() | st.sampled_from([b"\r\n--b", b"--b--\r\n", b"\r" * 99]), unique=True))
def test_what_a_client_writes_is_what_is_read(contents: list[bytes]) -> None:
    files = [(digest_of(content), (None, content, BINARY)) for content in contents]
    form = [(DOCUMENT, (None, b'{"a": 1}', "application/json")), *files]
    request = httpx2.Request("POST", "http://localhost", files=form)
    found = parse(request.headers["content-type"], request.read())
    assert found.document == b'{"a": 1}'
    assert found.files == {digest_of(content): content for content in contents}
