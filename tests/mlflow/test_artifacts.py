"""Files of versions and of uploads, as clients of MLflow list, read and write them."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.settings import Settings
from tests.factories import artifact, new_version
from tests.server.conftest import Served, serving
from tests.server.raw import answer, connected, send

PREFIXES = ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")
FILES = {"MLmodel": b"flavors: {}\n", "data/model.bin": b"weights" * 500, "data/deep/x": b"x"}


@pytest.fixture(params=PREFIXES)
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sealed(served: Served, name: str, tmp_path: Path) -> str:
    """The path of the files of a sealed version."""
    folder = tmp_path / "model"
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    served.registry.register(name, folder, new_version())
    place = served.registry.operations.artifact_places.place(f"{name}/1")
    return f"pedigree/models/{place.model_id}/{place.version}"


def at(
    served: Served, client: httpx2.Client, method: str, path: str, **more: Any
) -> httpx2.Response:
    return client.request(method, f"{served.url}{path}", **more)


def listed(served: Served, client: httpx2.Client, prefix: str, path: str) -> dict[str, Any]:
    got = at(served, client, "GET", f"{prefix}/artifacts", params={"path": path})
    assert got.status_code == 200, got.text
    found: dict[str, Any] = got.json()
    return found


def test_the_files_of_a_version_are_listed_folder_by_folder(
    served: Served, sealed: str, prefix: str
) -> None:
    reader = served.client(Role.READER)
    assert listed(served, reader, prefix, sealed) == {
        "files": [
            {"path": "MLmodel", "is_dir": False, "file_size": 12},
            {"path": "data", "is_dir": True},
        ]
    }
    assert listed(served, reader, prefix, f"{sealed}/data/deep") == {
        "files": [{"path": "x", "is_dir": False, "file_size": 1}]
    }
    for empty in (f"{sealed}/MLmodel", f"{sealed}/none", "pedigree"):
        assert listed(served, reader, prefix, empty) == {}


def test_a_file_is_sent_whole_as_a_download_with_its_digest(
    served: Served, sealed: str, prefix: str
) -> None:
    got = at(
        served, served.client(Role.READER), "GET", f"{prefix}/artifacts/{sealed}/data/model.bin"
    )
    content = FILES["data/model.bin"]
    digest = b64encode(hashlib.sha256(content).digest()).decode()
    assert got.content == content
    assert got.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''model.bin"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("asked", "status", "part", "stated"),
    [
        ("bytes=0-6", 206, slice(0, 7), "bytes 0-6/3500"),
        ("bytes=3490-", 206, slice(3490, None), "bytes 3490-3499/3500"),
        ("bytes=-3", 206, slice(-3, None), "bytes 3497-3499/3500"),
        ("bytes=3499-9000", 206, slice(3499, None), "bytes 3499-3499/3500"),
        ("bytes=3500-", 416, slice(0, 0), "bytes */3500"),
        ("bytes=0-1,4-5", 200, slice(None), None),
        ("lines=1-2", 200, slice(None), None),
    ],
)
def test_a_range_of_a_file_is_sent(
    served: Served, sealed: str, asked: str, status: int, part: slice, stated: str | None
) -> None:
    path = f"{PREFIXES[0]}/artifacts/{sealed}/data/model.bin"
    got = at(served, served.client(Role.READER), "GET", path, headers={"Range": asked})
    assert got.status_code == status
    assert got.content == FILES["data/model.bin"][part]
    assert got.headers.get("content-range") == stated


def test_a_changed_file_is_sent_whole_and_a_head_has_no_body(served: Served, sealed: str) -> None:
    path = f"{PREFIXES[0]}/artifacts/{sealed}/data/model.bin"
    reader = served.client(Role.READER)
    headers = {"Range": "bytes=1-2", "If-Range": '"sha256:other"'}
    assert at(served, reader, "GET", path, headers=headers).status_code == 200
    head = at(served, reader, "HEAD", path)
    assert (head.headers["content-length"], head.content) == ("3500", b"")


def test_a_download_is_an_event_of_the_version(served: Served, name: str, sealed: str) -> None:
    path = f"{PREFIXES[0]}/artifacts/{sealed}/MLmodel"
    for _ in range(2):
        at(served, served.client(Role.READER), "GET", path)
    found = [
        each
        for each in served.registry.events(model=name)
        if each.type == EventType.VERSION_DOWNLOADED
    ]
    assert [each.version for each in found] == [1, 1]


def test_a_file_that_does_not_exist_is_told_as_mlflow_tells_it(
    served: Served, sealed: str, prefix: str
) -> None:
    reader = served.client(Role.READER)
    for path in (f"{sealed}/none", f"{sealed}/data", "pedigree/other"):
        got = at(served, reader, "GET", f"{prefix}/artifacts/{path}")
        assert got.status_code == 404
        assert got.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert got.json()["message"] == "No such artifact: 'pedigree/other'"
    assert (
        at(served, reader, "GET", f"{prefix}/artifacts/pedigree/models/1/99/x").status_code == 404
    )


def test_the_download_uri_leads_to_the_service_and_outlives_a_rename(
    served: Served, name: str, sealed: str
) -> None:
    reader = served.client(Role.READER)
    uris = set()
    for way in ("api", "ajax-api"):
        path = f"/{way}/2.0/mlflow/model-versions/get-download-uri"
        got = at(served, reader, "GET", path, params={"name": name, "version": "1"})
        uris.add(got.json()["artifact_uri"])
    (uri,) = uris
    assert uri == f"{served.url}{PREFIXES[0]}/artifacts/{sealed}"
    served.registry.rename_model(name, f"{name}-renamed")
    assert reader.get(f"{uri}/MLmodel").content == FILES["MLmodel"]
    missing = at(served, reader, "GET", path, params={"name": f"{name}-renamed", "version": "9"})
    assert missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_only_the_settings_say_where_clients_download(settings: Settings, tmp_path: Path) -> None:
    base = "https://registry.example/pedigree"
    with serving(settings.model_copy(update={"url": f"{base}/"})) as served:
        name = f"url-{tmp_path.name}"
        served.registry.register(name, artifact(tmp_path), new_version())
        got = at(
            served,
            served.client(Role.READER),
            "GET",
            "/api/2.0/mlflow/model-versions/get-download-uri",
            params={"name": name, "version": "1"},
            headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"},
        )
        assert got.json()["artifact_uri"].startswith(f"{base}{PREFIXES[0]}/artifacts/pedigree/")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "registry:80", ""])
def test_a_header_never_says_where_clients_download(
    served: Served, name: str, sealed: str, host: str
) -> None:
    assert sealed
    got = at(
        served,
        served.client(Role.READER),
        "GET",
        "/api/2.0/mlflow/model-versions/get-download-uri",
        params={"name": name, "version": "1"},
        headers={"Host": host},
    )
    assert got.status_code == 400
    assert "evil" not in got.text


def test_a_version_is_read_by_its_name_too(served: Served, name: str, sealed: str) -> None:
    reader = served.client(Role.READER)
    for path in (
        "/model-versions/get-artifact",
        "/api/2.0/mlflow/model-versions/get-artifact",
        "/ajax-api/2.0/mlflow/model-versions/get-artifact",
    ):
        asked = {"name": name, "version": "1", "path": "MLmodel"}
        got = at(served, reader, "GET", path, params=asked)
        assert got.content == FILES["MLmodel"]
        refused = at(served, reader, "GET", path, params={**asked, "path": "../MLmodel"})
        assert refused.status_code == 400
        assert at(served, reader, "GET", path, params={**asked, "path": "x"}).status_code == 404
    assert sealed


def test_a_token_of_other_models_reads_no_file_and_learns_of_no_model(
    served: Served, name: str, sealed: str, prefix: str
) -> None:
    other = served.client(Role.READER, models=("other",))
    own = served.client(Role.READER, models=(name,))
    paths = (f"{sealed}/MLmodel", "pedigree/models/999999999/1/MLmodel")
    assert {
        at(served, other, "GET", f"{prefix}/artifacts/{path}").status_code for path in paths
    } == {403}
    assert (
        at(served, other, "GET", f"{prefix}/artifacts", params={"path": sealed}).status_code == 403
    )
    assert at(served, other, "GET", f"{prefix}/presigned/{sealed}/MLmodel").status_code == 403
    assert at(served, own, "GET", f"{prefix}/artifacts/{sealed}/MLmodel").status_code == 200


def test_a_sealed_version_is_neither_written_nor_deleted(
    served: Served, sealed: str, prefix: str
) -> None:
    admin = served.client(Role.ADMIN)
    parts = {"path": "MLmodel", "num_parts": 1, "upload_id": "x"}
    for method, path, more in (
        ("PUT", f"artifacts/{sealed}/MLmodel", {"content": b"other"}),
        ("PUT", f"artifacts/{sealed}/new", {"content": b"x" * (2 << 20)}),
        ("DELETE", f"artifacts/{sealed}/MLmodel", {}),
        ("DELETE", f"artifacts/{sealed}", {}),
        ("POST", f"mpu/create/{sealed}", {"json": parts}),
        ("POST", f"mpu/complete/{sealed}", {"json": parts}),
        ("POST", f"mpu/abort/{sealed}", {"json": parts}),
    ):
        got = at(served, admin, method, f"{prefix}/{path}", **more)
        assert (got.status_code, got.json()["error_code"]) == (403, "PERMISSION_DENIED")
    left = at(served, admin, "GET", f"{prefix}/artifacts/{sealed}/MLmodel")
    assert left.content == FILES["MLmodel"]


def test_a_folder_has_no_signed_urls_and_says_so_in_the_words_of_mlflow(
    served: Served, sealed: str
) -> None:
    contributor = served.client(Role.CONTRIBUTOR)
    presigned = at(served, contributor, "GET", f"{PREFIXES[0]}/presigned/{sealed}/MLmodel")
    assert presigned.status_code == 501
    parts = at(
        served,
        contributor,
        "POST",
        f"{PREFIXES[0]}/mpu/create/pedigree/uploads/new",
        json={"path": "/home/ann/model.bin", "num_parts": 2},
    )
    assert parts.status_code == 501
    # A client that reads this sends the file whole.
    words = "Multipart upload is not supported for the current artifact repository"
    assert parts.json() == {"error_code": "NOT_IMPLEMENTED", "message": words}


@pytest.mark.parametrize("size", [0, 10, (1 << 20) + 1, 5 << 20])
def test_an_uploaded_file_is_read_by_its_owner_alone(
    served: Served, prefix: str, size: int
) -> None:
    content, area = b"w" * size, f"pedigree/uploads/of-{size}"
    ann, bob = served.client(Role.CONTRIBUTOR), served.client(Role.CONTRIBUTOR)
    path = f"{prefix}/artifacts/{area}/data/model.bin"
    assert at(served, ann, "PUT", path, content=content).status_code == 200
    assert at(served, ann, "GET", path).content == content
    assert listed(served, ann, prefix, f"{area}/data") == {
        "files": [{"path": "model.bin", "is_dir": False, "file_size": size}]
    }
    assert at(served, bob, "GET", path).status_code == 404
    assert at(served, bob, "DELETE", path).status_code == 404
    assert listed(served, bob, prefix, area) == {}
    assert at(served, served.client(Role.READER), "PUT", path, content=b"a").status_code == 403
    assert at(served, ann, "DELETE", path).json() == {}
    assert at(served, ann, "GET", path).status_code == 404


def test_a_body_without_a_length_is_taken_too(served: Served) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"p" * 65536

    ann = served.client(Role.CONTRIBUTOR)
    path = f"{PREFIXES[0]}/artifacts/pedigree/uploads/new/model.bin"
    assert at(served, ann, "PUT", path, content=pieces()).status_code == 200
    assert len(at(served, ann, "GET", path).content) == 40 * 65536


# As a client may write them; each is one path of the URL.
HOSTILE = (
    *("../secret", "a/../../secret", "..", "a/..", "./a", "a/./b", "/etc/passwd", "a//b", "//a"),
    *("%2e%2e/secret", "..%2fsecret", "%252e%252e/secret", "%25252e%25252e%25252fsecret"),
    *("a%00b", "a%2500b", "a%5cb", "..%5csecret", "a%255cb", "%c0%ae%c0%ae/secret", "a%0d%0ab"),
    *("C:/secret", "C%3a/secret", "file:/etc/passwd", "file%3a///etc/passwd", "a%23b", "a/%2e%2e"),
    *("%u002e%u002e/%25%32%65%25%32%65/secret", "a%25252500b", "%" + "25" * 12 + "2e%2e/secret"),
    "a" * 5000,
)


@pytest.mark.parametrize("role", [None, *Role])
def test_a_hostile_path_reads_and_writes_nothing(
    served: Served, sealed: str, prefix: str, role: Role | None
) -> None:
    client = served.client(*(() if role is None else (role,)))
    authorization = client.headers.get("authorization", "")
    starts = ("", f"{sealed}/", "pedigree/", "pedigree/uploads/new/", "pedigree/uploads/")
    with connected(served.url) as opened:

        def status_and_body(method: str, target: str) -> tuple[int, bytes]:
            body = "x" if method == "PUT" else ""
            head = f"{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
            credential = f"Authorization: {authorization}\r\n" if authorization else ""
            assert send(opened, f"{head}{credential}\r\n{body}".encode())
            found = answer(opened)
            return found.status, found.body

        for hostile in HOSTILE:
            for start, method in product(starts, ("GET", "PUT", "DELETE")):
                target = f"{prefix}/artifacts/{start}{hostile}"
                status, _ = status_and_body(method, target)
                assert 400 <= status < 500, (method, target, status)
            listing = status_and_body("GET", f"{prefix}/artifacts?path={sealed}/{hostile}")
            assert 400 <= listing[0] < 500 or listing == (200, b"{}"), (hostile, listing)
