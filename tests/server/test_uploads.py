"""Uploads over HTTP: missing files are sent, hashed while they arrive, and registered."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.artifacts.records import digest_of
from pedigree.lifecycle.records import Policy, Verdict
from pedigree.registry import Registry
from pedigree.registry.reconciler import Reconciler
from tests.factories import leave_unjudged, new_version
from tests.server.conftest import Served


def upload(client: httpx2.Client, name: str, *contents: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Begin an upload, and return its path and the files of the version."""
    files = [{"digest": digest_of(content), "size": len(content)} for content in contents]
    begun = client.post(f"/models/{name}/uploads", json={"files": files})
    assert begun.status_code == 201, begun.text
    return begun.headers["location"].removeprefix("/api/v1"), files


def body(files: list[dict[str, Any]], path: str | None = None, **fields: Any) -> dict[str, Any]:
    """A version of uploaded files."""
    return {
        "files": [{"path": f"part-{place}", **file} for place, file in enumerate(files)],
        "version": new_version(**fields).model_dump(mode="json"),
        "upload_id": path and path.rpartition("/")[2],
    }


def test_a_version_is_uploaded_and_registered(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    contents = (b"weights", b"x" * (3 << 20))
    path, files = upload(client, name, *contents)
    refused = client.post(f"/models/{name}/versions", json=body(files, path))
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:pedigree:error:BytesMissingError"
    for content, file in zip(contents, files, strict=True):
        target = f"{path}/files/{file['digest']}"
        assert client.put(target, content=content).status_code == 204
        assert client.put(target, content=content).status_code == 204
    assert all(file["stored"] for file in client.get(path).json()["files"])
    key = {"Idempotency-Key": name}
    made = client.post(f"/models/{name}/versions", json=body(files, path), headers=key)
    assert made.status_code == 201
    assert made.json()["version"]["version_id"] == 1
    assert made.headers["location"] == f"/api/v1/models/{name}/versions/1"
    replayed = client.post(f"/models/{name}/versions", json=body(files, path), headers=key)
    assert replayed.content == made.content
    known = client.post(f"/models/{name}/versions", json=body(files, run_id="run-2"))
    assert (known.status_code, known.json()["created"]) == (200, False)
    assert client.get(path).status_code == 404
    served.registry.verify(f"{name}/1")


def test_a_registration_is_judged_like_one_by_the_command_line(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    path, files = upload(client, name, b"weights")
    client.put(f"{path}/files/{files[0]['digest']}", content=b"weights")
    client.post(f"/models/{name}/versions", json=body(files, path))
    checks = {verdict.check for verdict in served.registry.verdicts(f"{name}/1")}
    assert set(served.registry.registration_checks(name)) <= checks
    assert client.get(f"/models/{name}/versions/1").json()["stage"] == "candidate"
    assert "stage candidate" in client.get(f"/models/{name}/versions/1/card").json()["markdown"]


def test_what_needs_the_graph_leaves_a_version_waiting_until_a_run_has_judged_it(
    served: Served, name: str
) -> None:
    asked = {"name": "candidate", "after": ["none"], "checks": ["metadata_complete", "holdout"]}
    policy = Policy.model_validate({"stages": [asked]})
    served.registry.set_policy(name, policy)
    client = served.client(Role.CONTRIBUTOR)
    path, files = upload(client, name, b"waits")
    client.put(f"{path}/files/{files[0]['digest']}", content=b"waits")
    version = client.post(f"/models/{name}/versions", json=body(files, path)).json()["version"]
    here = f"/models/{name}/versions/1"
    assert [v["check"] for v in client.get(f"{here}/verdicts").json()["items"]] == [
        "metadata_complete"
    ]
    assert client.get(here).json()["stage"] == "none"
    explained = client.get(f"{here}/explain?to=candidate").json()
    assert explained["waits_for"] == ["check holdout, which has not run"]
    found = {"check": "holdout", "passed": True, "digest": version["digest"], "summary": "0.93"}
    served.registry.record_verdict(f"{name}/1", Verdict(**found, run_id="a run of the graph"))
    assert client.get(here).json()["stage"] == "candidate"


def test_what_a_process_that_died_left_unjudged_the_service_judges(
    served: Served, name: str, version: Callable[..., int]
) -> None:
    version()
    assert served.registry.verdicts(f"{name}/1") == ()
    leave_unjudged(served.registry, name)
    upkeep = Reconciler(served.registry)
    upkeep.reconcile()
    assert served.registry.verdicts(f"{name}/1") == ()
    served.registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.unjudged SET due_at = clock_timestamp()"
        )
    )
    while served.registry.get(f"{name}/1").stage != "candidate":
        upkeep.reconcile()  # or the service itself was faster
    assert served.registry.card(f"{name}/1")


def test_a_token_for_one_model_brings_the_bytes_of_another_to_have_them(
    served: Served, name: str, version: Callable[..., int]
) -> None:
    secret = f"weights of {name}".encode()
    version(secret.decode())
    client = served.client(Role.CONTRIBUTOR, models=(f"{name}-mine",))
    path, files = upload(client, f"{name}-mine", secret)
    assert [file["stored"] for file in client.get(path).json()["files"]] == [False]
    for known in (body(files), body(files, path)):
        refused = client.post(f"/models/{name}-mine/versions", json=known)
        assert (refused.status_code, digest_of(secret) in refused.text) == (409, True)
    target = f"{path}/files/{digest_of(secret)}"
    assert client.put(target, content=b"x" * len(secret)).status_code == 422
    assert client.put(target, content=secret).status_code == 204
    assert client.post(f"/models/{name}-mine/versions", json=body(files, path)).status_code == 201
    again = upload(client, f"{name}-mine", secret)[0]
    assert client.get(again).json()["files"][0]["stored"] is True
    anybody = served.client(Role.CONTRIBUTOR)
    assert anybody.post(f"/models/{name}-new/versions", json=body(files)).status_code == 201


def test_an_upload_resumes_where_it_was_interrupted(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    path, files = upload(client, name, b"first", b"s" * (2 << 20))
    client.put(f"{path}/files/{files[0]['digest']}", content=b"first")

    def broken() -> Iterator[bytes]:
        yield b"s" * (1 << 20)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        client.put(f"{path}/files/{files[1]['digest']}", content=broken())
    missing = [file for file in client.get(path).json()["files"] if not file["stored"]]
    assert [file["digest"] for file in missing] == [files[1]["digest"]]
    client.put(f"{path}/files/{files[1]['digest']}", content=b"s" * (2 << 20))
    assert client.post(f"/models/{name}/versions", json=body(files, path)).status_code == 201
    incoming = served.registry.settings.home_folder / "incoming"
    while [*incoming.iterdir()]:  # the server hears of the broken connection in its own time
        pass


@pytest.mark.parametrize("instead", [b"CHURN", b"", b"and far too long"])
def test_what_is_sent_must_be_the_file_that_was_announced(
    served: Served, name: str, instead: bytes
) -> None:
    client = served.client(Role.CONTRIBUTOR)
    content = name.encode()
    path, files = upload(client, name, content)
    answer = client.put(f"{path}/files/{files[0]['digest']}", content=instead + content[5:])
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:pedigree:error:InvalidArtifactError"
    other = client.put(f"{path}/files/{digest_of(b'other')}", content=b"other")
    assert other.status_code == 404
    assert not client.get(path).json()["files"][0]["stored"]


def test_an_upload_is_of_its_model_alone_and_can_be_given_up(served: Served, name: str) -> None:
    client = served.client(Role.CONTRIBUTOR)
    path, files = upload(client, name, b"weights")
    elsewhere = path.replace(name, f"{name}-other")
    assert client.get(elsewhere).status_code == 404
    assert client.put(f"{elsewhere}/files/{files[0]['digest']}").status_code == 404
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 204


def test_metadata_is_judged_before_anything_is_written(
    served: Served, registry: Registry, name: str
) -> None:
    client = served.client(Role.CONTRIBUTOR)
    wrong = body([{"digest": digest_of(b"a"), "size": 1}])
    wrong["version"]["metadata"]["git_commit"] = "main"
    answer = client.post(f"/models/{name}/versions", json=wrong)
    assert (answer.status_code, answer.json()["field"]) == (400, "version.metadata.git_commit")
    wrong = body([{"digest": digest_of(b"a"), "size": 1}], flavor="unknown")
    assert client.post(f"/models/{name}/versions", json=wrong).status_code == 422
    del wrong["version"]["metadata"]
    wrong["version"]["environment"] = ["numpy==2.0"]
    answer = client.post(f"/models/{name}/versions", json=wrong)
    assert (answer.status_code, answer.json()["field"]) == (400, "version.metadata")
    assert client.get(f"/models/{name}").status_code == 404
