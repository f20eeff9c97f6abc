"""Files over HTTP: listed, downloaded whole or from an offset, or redirected to the store."""

import hashlib
from base64 import b64encode
from collections.abc import Callable

import httpx2

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from tests.server.conftest import Served

Version = Callable[..., int]


def test_a_file_is_downloaded_with_its_digest(
    admin: httpx2.Client, served: Served, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version('weights')}"
    (file,) = admin.get(f"{path}/files").json()["files"]
    assert (file["path"], file["size"]) == ("model.bin", len("weights"))
    answer = admin.get(f"{path}/download/model.bin")
    assert (answer.status_code, answer.content) == (200, b"weights")
    assert answer.headers["etag"] == f'"{file["digest"]}"'
    digest = b64encode(hashlib.sha256(b"weights").digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-disposition"] == "attachment"


def test_a_download_resumes_where_it_ended(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version('weights')}/download/model.bin"
    rest = admin.get(path, headers={"Range": "bytes=3-"})
    assert (rest.status_code, rest.content) == (206, b"ghts")
    assert rest.headers["content-range"] == "bytes 3-6/7"
    assert rest.headers["content-length"] == "4"
    behind = admin.get(path, headers={"Range": "bytes=7-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, "bytes */7")
    other = admin.get(path, headers={"Range": "lines=1-2"})
    assert (other.status_code, other.content) == (200, b"weights")


def test_what_is_no_file_of_the_version_is_not_found(
    admin: httpx2.Client, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version()}/download"
    for wrong in ("other.bin", "..%2fmodel.bin", "%2fetc%2fpasswd"):
        answer = admin.get(f"{path}/{wrong}")
        assert answer.status_code == 404, wrong
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_download_is_one_event_for_all_files_and_each_principal(
    served: Served, name: str, version: Version
) -> None:
    path = f"/models/{name}/versions/{version('weights')}/download"
    one, other = served.client(Role.READER), served.client(Role.READER)
    for client in (one, one, other):
        client.get(f"{path}/model.bin")
    assert one.get(f"{path}/none").status_code == 404
    recorded = [
        event
        for event in served.registry.events(types=[EventType.VERSION_DOWNLOADED])
        if event.model == name
    ]
    assert [event.subject for event in recorded] == [f"{name}/1"] * 2
    assert len({event.actor.name for event in recorded}) == 2
